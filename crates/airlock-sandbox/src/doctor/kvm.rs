//! KVM: whether guests run here, and run at the speed of the processor.
//!
//! The device alone says little: where virtual machines are nested, it may open and "run" guests by emulation, some
//! thousand times slower. So a small guest counts down in 64-bit mode, and the time is taken.

#![allow(
    unsafe_code,
    reason = "KVM is spoken to by ioctl, and the guest's memory is written through pointers"
)]

use std::{fs, io, time::Duration};

use rustix::io::Errno;

use super::{
    Fact, State,
    child::{End, Told},
};
use crate::Level;

const DEVICE: &str = "/dev/kvm";

/// The turns of the guest's loop; the texts below name them.
#[cfg(target_arch = "x86_64")]
const TURNS: u64 = 100_000;

/// A processor needs some 30 µs for the turns, and some more to enter and leave the guest; emulation 100 ms.
const QUICK: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// There is no such device.
    Absent,
    /// It cannot be opened.
    Closed(Errno),
    /// It is there; on this architecture no guest is run.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "for the others"))]
    NotTimed,
    /// A guest could not be made, or ended otherwise than it should.
    Broken,
    /// A guest ran; the best time.
    Ran(Duration),
    /// A guest did not end.
    Hung,
}

pub(super) fn examine() -> Fact {
    judge(look())
}

fn judge(seen: Seen) -> Fact {
    let fact = |state, text: String| Fact::new("kvm", state, text).gives(Level::Machine);
    match seen {
        Seen::Absent => fact(State::Missing, "there is no /dev/kvm".to_owned())
            .advise("on real hardware, switch virtualisation on in its firmware; in a virtual machine, let its host nest them"),
        Seen::Closed(Errno::ACCESS | Errno::PERM) => {
            fact(State::Missing, "/dev/kvm is there, but not for this user".to_owned())
                .advise("join its group, and log in anew:\n$ sudo usermod -aG kvm \"$USER\"")
        }
        Seen::Closed(error) => {
            fact(State::Missing, format!("/dev/kvm does not open: {}", io::Error::from(error)))
        }
        Seen::NotTimed => fact(State::Degraded, "/dev/kvm opens; not timed on this processor".to_owned()),
        Seen::Broken => fact(State::Missing, "KVM is there, but runs no guest".to_owned()),
        Seen::Hung => fact(State::Missing, "KVM is there, but a guest did not end within a second".to_owned()),
        Seen::Ran(time) if time <= QUICK => {
            fact(State::Good, format!("a guest made 100,000 turns in {}", spell(time)))
        }
        Seen::Ran(time) => {
            let text = format!("emulated, too slow: 100,000 turns in {}, not 5 ms", spell(time));
            fact(State::Degraded, text).advise("take a machine with virtualisation of its own, such as a bare-metal instance")
        }
    }
}

/// In the unit that leaves three digits or less.
fn spell(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{} µs", time.as_micros())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}

fn look() -> Seen {
    match fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => run(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Absent,
        Err(error) => Seen::Closed(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn run() -> Seen {
    Seen::NotTimed
}

#[cfg(target_arch = "x86_64")]
fn run() -> Seen {
    // SAFETY: `guest::count_down` makes system calls, and writes to memory that it mapped itself.
    unsafe { super::child::in_child(Duration::from_secs(1), guest::count_down) }
        .map_or(Seen::Broken, |told| heard(&told))
}

/// Each message is the time of a run in nanoseconds.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "for x86_64"))]
fn heard(told: &Told) -> Seen {
    match (told.messages.iter().map(|(_, time)| *time).min(), told.end) {
        (Some(time), _) => Seen::Ran(Duration::from_nanos(time)),
        (None, End::Late) => Seen::Hung,
        (None, End::Itself | End::Signal(_)) => Seen::Broken,
    }
}

/// A guest of one page of code, three of page tables, and one processor.
#[cfg(target_arch = "x86_64")]
mod guest {
    use std::{
        ffi::{c_long, c_void},
        fs::File,
        io,
        marker::PhantomData,
        os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        ptr,
        time::Instant,
    };

    use rustix::{
        fs::{Mode, OFlags, open},
        io::Errno,
    };

    use super::TURNS;
    use crate::doctor::child::Voice;

    /// A request of <linux/kvm.h> that takes a number: direction, size of the argument, 0xAE, and its own number.
    struct Ask(c_long);

    /// A request that takes a pointer to this type.
    struct Give<T>(c_long, PhantomData<T>);

    const GET_API_VERSION: Ask = Ask(0xAE00);
    const CREATE_VM: Ask = Ask(0xAE01);
    const GET_VCPU_MMAP_SIZE: Ask = Ask(0xAE04);
    const CREATE_VCPU: Ask = Ask(0xAE41);
    const SET_TSS_ADDR: Ask = Ask(0xAE47);
    const RUN: Ask = Ask(0xAE80);
    const SET_USER_MEMORY_REGION: Give<Region> = Give(0x4020_AE46, PhantomData);
    const SET_REGS: Give<Registers> = Give(0x4090_AE82, PhantomData);
    const GET_SREGS: Give<System> = Give(0x8138_AE83, PhantomData);
    const SET_SREGS: Give<System> = Give(0x4138_AE84, PhantomData);

    const EXIT_HLT: u32 = 5;

    /// dec ecx; jnz back to it; hlt.
    const CODE: [u8; 5] = [0xFF, 0xC9, 0x75, 0xFC, 0xF4];

    const PAGE: usize = 0x1000;
    /// The code, and one page table of each of three levels.
    const PAGES: usize = 4;

    #[repr(C)]
    struct Region {
        slot: u32,
        flags: u32,
        guest: u64,
        size: u64,
        host: u64,
    }

    #[repr(C)]
    #[derive(Default)]
    struct Registers {
        a_b: [u64; 2],
        rcx: u64,
        rdx_to_r15: [u64; 13],
        rip: u64,
        flags: u64,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Segment {
        base: u64,
        limit: u32,
        selector: u16,
        kind: u8,
        present: u8,
        dpl: u8,
        db: u8,
        s: u8,
        long: u8,
        granularity: u8,
        available: u8,
        unusable: u8,
        padding: u8,
    }

    #[repr(C)]
    #[derive(Default)]
    struct System {
        cs: Segment,
        /// ds, es, fs, gs, ss.
        data: [Segment; 5],
        tr_ldt: [Segment; 2],
        gdt_idt: [[u64; 2]; 2],
        cr0: u64,
        cr2: u64,
        cr3: u64,
        cr4: u64,
        cr8: u64,
        efer: u64,
        apic: u64,
        interrupts: [u64; 4],
    }

    const _: () =
        assert!(size_of::<Region>() == 32 && size_of::<Registers>() == 144 && size_of::<System>() == 312);

    /// Runs the guest until it was quick, at most a few times, and says how long each run took.
    pub(super) fn count_down(voice: &Voice) {
        // Without a message, the parent knows enough.
        let _ = guest(voice);
    }

    fn guest(voice: &Voice) -> Result<(), Errno> {
        let kvm = open(c"/dev/kvm", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        if ask(&kvm, &GET_API_VERSION, 0)? != 12 {
            return Err(Errno::NOSYS);
        }
        let machine = made(ask(&kvm, &CREATE_VM, 0)?)?;
        // Older processors of Intel need three pages that the guest does not use; others do not know the request.
        let _ = ask(&machine, &SET_TSS_ADDR, 0xFFFB_D000);
        let memory = memory()?;
        let mut region =
            Region { slot: 0, flags: 0, guest: 0, size: (PAGES * PAGE) as u64, host: memory as usize as u64 };
        give(&machine, &SET_USER_MEMORY_REGION, &mut region)?;
        let processor = made(ask(&machine, &CREATE_VCPU, 0)?)?;
        let size = usize::try_from(ask(&kvm, &GET_VCPU_MMAP_SIZE, 0)?).map_err(|_| Errno::INVAL)?;
        if size < 16 {
            return Err(Errno::INVAL);
        }
        let state = map(size, Some(&processor))?;
        long_mode(&processor)?;
        for run in 0..3 {
            let mut registers = Registers { rcx: TURNS, flags: 2, ..Registers::default() };
            give(&processor, &SET_REGS, &mut registers)?;
            let start = Instant::now();
            ask(&processor, &RUN, 0)?;
            let time = start.elapsed();
            // SAFETY: within the mapping, which has 16 bytes and more, and aligned in it. Volatile, because the
            // kernel writes it.
            let reason = unsafe { state.cast::<u32>().add(2).read_volatile() };
            if reason != EXIT_HLT {
                return Err(Errno::INVAL);
            }
            voice.say((run, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
            if time <= super::QUICK {
                break;
            }
        }
        Ok(())
    }

    /// The guest's memory: its code at 0, and tables that map the first 2 MiB to themselves.
    fn memory() -> Result<*mut c_void, Errno> {
        const PRESENT_WRITABLE: u64 = 3;
        const LARGE: u64 = 0x80;
        let memory = map(PAGES * PAGE, None)?;
        let tables =
            [(1, 0x2000 | PRESENT_WRITABLE), (2, 0x3000 | PRESENT_WRITABLE), (3, LARGE | PRESENT_WRITABLE)];
        // SAFETY: the code fits the first page, and each entry is the first of one of the three others; pages are
        // aligned for numbers. Nobody else has the memory yet.
        unsafe {
            ptr::copy_nonoverlapping(CODE.as_ptr(), memory.cast::<u8>(), CODE.len());
            for (page, entry) in tables {
                memory.cast::<u64>().add(page * PAGE / size_of::<u64>()).write(entry);
            }
        }
        Ok(memory)
    }

    /// Puts the processor into 64-bit mode at address 0.
    fn long_mode(processor: &OwnedFd) -> Result<(), Errno> {
        let mut system = System::default();
        give(processor, &GET_SREGS, &mut system)?;
        let data = Segment {
            base: 0,
            limit: u32::MAX,
            selector: 16,
            kind: 3,
            present: 1,
            db: 1,
            s: 1,
            granularity: 1,
            ..Segment::default()
        };
        system.data = [data; 5];
        system.cs = Segment { selector: 8, kind: 11, db: 0, long: 1, ..data };
        system.cr3 = PAGE as u64;
        // Physical address extension; then protection, the bit that is always 1, and paging; then long mode.
        system.cr4 = 1 << 5;
        system.cr0 = 1 | 1 << 4 | 1 << 31;
        system.efer = 1 << 8 | 1 << 10;
        give(processor, &SET_SREGS, &mut system).map(drop)
    }

    fn ask(device: &OwnedFd, request: &Ask, number: usize) -> Result<c_long, Errno> {
        // SAFETY: these requests take numbers, and touch no memory of ours but the guest's.
        answered(unsafe { libc::syscall(libc::SYS_ioctl, device.as_raw_fd(), request.0, number) })
    }

    fn give<T>(device: &OwnedFd, request: &Give<T>, value: &mut T) -> Result<c_long, Errno> {
        // SAFETY: the kernel reads or writes one `T`, which is plain numbers in the layout that it knows.
        answered(unsafe { libc::syscall(libc::SYS_ioctl, device.as_raw_fd(), request.0, &raw mut *value) })
    }

    fn answered(answer: c_long) -> Result<c_long, Errno> {
        if answer >= 0 {
            return Ok(answer);
        }
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }

    /// Memory that starts as zeros, or is a device's.
    fn map(size: usize, device: Option<&OwnedFd>) -> Result<*mut c_void, Errno> {
        let (kind, descriptor) = match device {
            Some(device) => (libc::MAP_SHARED, device.as_raw_fd()),
            None => (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1),
        };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at a place that the kernel chooses.
        let memory = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, descriptor, 0) };
        if memory == libc::MAP_FAILED { answered(-1).map(|_| memory) } else { Ok(memory) }
    }

    /// The descriptor that a request has made.
    fn made(answer: c_long) -> Result<OwnedFd, Errno> {
        let raw = i32::try_from(answer).map_err(|_| Errno::INVAL)?;
        // SAFETY: the kernel has just opened it for us, and nobody else knows it.
        Ok(unsafe { File::from_raw_fd(raw) }.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{End, Errno, Seen, State, Told, heard, judge};

    #[test]
    fn a_guest_is_judged_by_its_time() {
        let table = [
            (Seen::Ran(Duration::from_micros(90)), State::Good, "100,000 turns in 90 µs"),
            (Seen::Ran(Duration::from_millis(5)), State::Good, "5.0 ms"),
            (
                Seen::Ran(Duration::from_millis(120)),
                State::Degraded,
                "emulated, too slow: 100,000 turns in 120.0 ms",
            ),
            (Seen::Absent, State::Missing, "no /dev/kvm"),
            (Seen::Closed(Errno::ACCESS), State::Missing, "not for this user"),
            (Seen::Closed(Errno::NODEV), State::Missing, "does not open"),
            (Seen::NotTimed, State::Degraded, "not timed"),
            (Seen::Broken, State::Missing, "runs no guest"),
            (Seen::Hung, State::Missing, "did not end"),
        ];
        for (seen, state, text) in table {
            let fact = judge(seen);
            assert!(fact.state == state && fact.text.contains(text), "{seen:?}: {fact:?}");
        }
        assert!(judge(Seen::Closed(Errno::ACCESS)).advice.unwrap().contains("$ sudo usermod -aG kvm"));
    }

    #[test]
    fn the_best_time_counts_even_if_a_later_run_hangs() {
        let told = |messages: &[(u64, u64)], end| Told { messages: messages.to_vec(), end };
        let ran = Seen::Ran(Duration::from_nanos(7));
        assert_eq!(heard(&told(&[(0, 900), (1, 7)], End::Late)), ran);
        assert_eq!(heard(&told(&[], End::Late)), Seen::Hung);
        assert_eq!(heard(&told(&[], End::Itself)), Seen::Broken);
        assert_eq!(heard(&told(&[], End::Signal(9))), Seen::Broken);
    }
}
