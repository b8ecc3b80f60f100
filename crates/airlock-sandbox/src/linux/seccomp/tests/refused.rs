//! Calls that are not on the list. Their arguments are such that nothing happens where they are not refused: no
//! file, no process, no address, flags that do not exist.
//!
//! Not tried, since no arguments are harmless: `vhangup`, `sync`.

use super::calls::{BAD, NO_FILE, NOBODY, all_refused, attempts};
use super::{EPERM, call, filtered};

/// Flags that no call has.
const ODD: u64 = 0xffff_ffff;

#[test]
fn other_processes() {
    all_refused(
        &attempts![
            SYS_ptrace(libc::PTRACE_ATTACH, NOBODY),
            SYS_ptrace(libc::PTRACE_SEIZE, NOBODY),
            SYS_process_vm_readv(NOBODY, 0, 0, 0, 0, 0),
            SYS_process_vm_writev(NOBODY, 0, 0, 0, 0, 0),
            SYS_process_madvise(NO_FILE, 0, 0, 0, 0),
            SYS_process_mrelease(NO_FILE, 0),
            SYS_pidfd_open(NOBODY, 0),
            SYS_pidfd_getfd(NO_FILE, 0, 0),
            SYS_pidfd_send_signal(NO_FILE, 0, 0, 0),
            SYS_kcmp(NOBODY, NOBODY, 0, 0, 0),
            SYS_rt_sigqueueinfo(NOBODY, 0, BAD),
            SYS_rt_tgsigqueueinfo(NOBODY, NOBODY, 0, BAD),
            SYS_sched_setscheduler(NOBODY, 0, BAD),
            SYS_sched_setparam(NOBODY, BAD),
            SYS_sched_setattr(NOBODY, 0, 0),
            SYS_sched_setaffinity(NOBODY, 0, 0),
            SYS_ioprio_set(ODD, 0, 0),
            SYS_migrate_pages(NOBODY, 0, 0, 0),
            SYS_move_pages(0, 0, 0, 0, 0, ODD),
        ],
        EPERM,
    );
}

#[test]
fn namespaces_and_mounts() {
    all_refused(
        &attempts![
            SYS_unshare(0),
            SYS_setns(NO_FILE, 0),
            SYS_chroot(BAD),
            SYS_pivot_root(BAD, BAD),
            SYS_mount(0, BAD, 0, 0, 0),
            SYS_umount2(BAD, 0),
            SYS_open_tree(NO_FILE, BAD, 0),
            SYS_move_mount(NO_FILE, BAD, NO_FILE, BAD, 0),
            SYS_fsopen(BAD, 0),
            SYS_fsconfig(NO_FILE, ODD, 0, 0, 0),
            SYS_fsmount(NO_FILE, 0, 0),
            SYS_fspick(NO_FILE, BAD, 0),
            SYS_mount_setattr(NO_FILE, BAD, ODD, 0, 0),
            SYS_open_by_handle_at(NO_FILE, BAD, 0),
            SYS_name_to_handle_at(NO_FILE, BAD, BAD, BAD, 0),
            SYS_fanotify_init(ODD, ODD),
            SYS_fanotify_mark(NO_FILE, ODD, 0, 0, 0),
            SYS_quotactl(ODD, 0, 0, 0),
            SYS_swapon(BAD, ODD),
            SYS_swapoff(BAD),
            SYS_acct(BAD),
            SYS_syncfs(NO_FILE),
        ],
        EPERM,
    );
}

#[test]
fn users_and_rights() {
    // SAFETY: always succeed.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    all_refused(
        &attempts![
            SYS_setuid(uid),
            SYS_setgid(gid),
            SYS_setreuid(u64::MAX, u64::MAX),
            SYS_setregid(u64::MAX, u64::MAX),
            SYS_setresuid(u64::MAX, u64::MAX, u64::MAX),
            SYS_setresgid(u64::MAX, u64::MAX, u64::MAX),
            SYS_setgroups(ODD, 0),
            SYS_capset(0, 0),
            SYS_fchown(NO_FILE, uid, gid),
            SYS_fchownat(NO_FILE, BAD, uid, gid, 0),
            SYS_add_key(BAD, BAD, 0, 0, 0),
            SYS_request_key(BAD, BAD, 0, 0),
            SYS_keyctl(ODD),
            SYS_personality(ODD),
            SYS_seccomp(libc::SECCOMP_SET_MODE_FILTER, ODD, 0),
            SYS_seccomp(libc::SECCOMP_SET_MODE_STRICT, 1, 1),
            SYS_landlock_create_ruleset(0, 0, 1),
        ],
        EPERM,
    );
}

#[test]
fn the_kernel_itself() {
    all_refused(
        &attempts![
            SYS_bpf(ODD, 0, 0),
            SYS_perf_event_open(BAD, 0, ODD, ODD, 0),
            SYS_userfaultfd(ODD),
            SYS_io_uring_setup(0, BAD),
            SYS_io_uring_enter(NO_FILE, 0, 0, 0, 0, 0),
            SYS_io_uring_register(NO_FILE, ODD, 0, 0),
            SYS_io_setup(0, BAD),
            SYS_io_submit(BAD, 0, 0),
            SYS_io_destroy(BAD),
            SYS_init_module(BAD, 0, BAD),
            SYS_finit_module(NO_FILE, BAD, ODD),
            SYS_delete_module(BAD, 0),
            SYS_kexec_load(0, 0, 0, 0x8000),
            SYS_reboot(0, 0, 0, 0),
            SYS_syslog(ODD, 0, 0),
            SYS_sethostname(BAD, 4_096),
            SYS_setdomainname(BAD, 4_096),
            SYS_settimeofday(BAD, 0),
            SYS_clock_settime(ODD, BAD),
            SYS_clock_adjtime(ODD, BAD),
            SYS_adjtimex(BAD),
        ],
        EPERM,
    );
}

#[test]
fn memory_and_queues_beside_the_limits() {
    all_refused(
        &attempts![
            SYS_memfd_create(BAD, 0),
            SYS_memfd_secret(ODD),
            SYS_shmget(0, 0, 0),
            SYS_shmat(ODD, 0, 0),
            SYS_shmctl(ODD, ODD, 0),
            SYS_shmdt(BAD),
            SYS_semget(0, ODD, 0),
            SYS_semop(ODD, BAD, 1),
            SYS_semctl(ODD, 0, ODD, 0),
            SYS_semtimedop(ODD, BAD, 1, 0),
            SYS_msgget(NOBODY, 0),
            SYS_msgsnd(ODD, BAD, 1, 0),
            SYS_msgrcv(ODD, BAD, 1, 0, 0),
            SYS_msgctl(ODD, ODD, 0),
            SYS_mq_open(BAD, 0, 0, 0),
            SYS_mq_unlink(BAD),
            SYS_mbind(BAD, 0, ODD, 0, 0, ODD),
            SYS_set_mempolicy(ODD, 0, 0),
            SYS_get_mempolicy(0, 0, 0, 0, ODD),
            SYS_mlockall(ODD),
            SYS_remap_file_pages(BAD, 0, 1, 0, 0),
            SYS_vmsplice(NO_FILE, 0, 0, 0),
        ],
        EPERM,
    );
}

#[cfg(target_arch = "x86_64")]
#[test]
fn what_only_x86_has() {
    all_refused(
        &attempts![
            SYS_modify_ldt(ODD, 0, 0),
            SYS_iopl(0),
            SYS_ioperm(ODD, 1, 0),
            SYS_chown(BAD, 0, 0),
            SYS_lchown(BAD, 0, 0),
            SYS_ustat(0, 0),
            SYS_sysfs(ODD, 0, 0),
            SYS_uselib(BAD),
            SYS_arch_prctl(0x1004, BAD), // ARCH_GET_GS
        ],
        EPERM,
    );
}

#[test]
fn calls_whose_arguments_cannot_be_checked_seem_not_to_exist() {
    all_refused(&attempts![SYS_clone3(0, 0), SYS_openat2(NO_FILE, BAD, BAD, 1)], libc::ENOSYS);
}

#[test]
fn labels_of_files_seem_not_to_be_supported() {
    all_refused(
        &attempts![
            SYS_setxattr(BAD, BAD, 0, 0, 0),
            SYS_lsetxattr(BAD, BAD, 0, 0, 0),
            SYS_fsetxattr(NO_FILE, BAD, 0, 0, 0),
            SYS_removexattr(BAD, BAD),
            SYS_lremovexattr(BAD, BAD),
            SYS_fremovexattr(NO_FILE, BAD),
        ],
        libc::EOPNOTSUPP,
    );
}

/// Numbers beyond the table are unknown, as they are outside; those of another interface are refused.
#[test]
fn numbers_that_are_not_in_the_table() {
    for number in [500, 600, 4_000, 0x3fff_ffff] {
        assert_eq!(filtered(|| call(number, [0; 6])), libc::ENOSYS, "{number}");
    }
    for number in [-1, 0x4000_0000 | libc::SYS_getpid, 0x4000_0207, 0x7fff_ffff] {
        assert_ne!(call(number, [u64::MAX; 6]), EPERM, "{number}: the control");
        assert_eq!(filtered(|| call(number, [u64::MAX; 6])), EPERM, "{number}");
    }
}

/// `int 0x80` makes calls of i386 from a 64-bit program, and 26 is `ptrace` there but `msync` here.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_32_bit_programs_end_the_process() {
    use super::{Beside, Filters, compile, no_new_privileges};

    const GETPID: u32 = 20;
    let attempt = |filters: Option<&Filters>| {
        // SAFETY: the child calls nothing but the kernel.
        let child = unsafe { libc::fork() };
        if child == 0 {
            if let Some(filters) = filters {
                no_new_privileges();
                if filters.apply().is_err() {
                    // SAFETY: ends the child.
                    unsafe { libc::_exit(3) };
                }
            }
            let answer: u32;
            // SAFETY: getpid touches no memory; the registers that old kernels clear are named.
            unsafe {
                std::arch::asm!("int 0x80", inout("eax") GETPID => answer,
                    out("r8") _, out("r9") _, out("r10") _, out("r11") _);
            }
            // SAFETY: ends the child; getpid always succeeds.
            unsafe { libc::_exit(if answer == libc::getpid() as u32 { 0 } else { 4 }) };
        }
        let mut status = 0;
        // SAFETY: writes the status only.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        status
    };
    let outside = attempt(None);
    if outside != 0 {
        println!("no control: this kernel runs no 32-bit calls (status {outside:#x})");
    }
    let inside = attempt(Some(&compile(Beside::Namespaces).unwrap()));
    assert!(libc::WIFSIGNALED(inside) && libc::WTERMSIG(inside) == libc::SIGSYS, "{inside:#x}");
}
