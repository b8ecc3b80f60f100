#!/bin/bash
# A Debian as it is installed, in a machine of its own: made, booted by emulation, and asked by check.sh whether the sandbox
# works there. Started by `cargo xtask machines`, as root.
#
#   machine.sh RELEASE FOLDER AIRLOCK TESTS
#
# FOLDER keeps the system for the next time. AIRLOCK is the program, TESTS the tests of `#[airlock(sandbox)]`, which use the folder
# in $TESTS_FOLDER. Nothing of this machine is changed but FOLDER.
set -euo pipefail
release=$1 folder=$2 airlock=$3 tests=$4
[ "$(id --user)" -eq 0 ] || { echo "it takes root to install a Debian into a folder" >&2; exit 1; }
here=$(dirname "$(realpath "$0")")
packages=linux-image-amd64,systemd-sysv,udev,dbus,dbus-user-session,libpam-systemd,python3,nodejs,sudo,apparmor,procps
root=$folder/$release image=$folder/$release.img

if [ ! -e "$root/installed" ]; then
    rm -rf "$root"
    mmdebstrap --quiet --variant=minbase --include="$packages" "$release" "$root" \
        "deb http://deb.debian.org/debian $release main"
    # An ordinary user, logged in at the console; root only by asking.
    chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 dev
    echo 'dev ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/dev"
    echo fresh > "$root/etc/hostname"
    echo '127.0.0.1 localhost fresh' > "$root/etc/hosts"
    echo '/dev/vda / ext4 defaults 0 1' > "$root/etc/fstab"
    mkdir -p "$root/etc/systemd/system/serial-getty@ttyS0.service.d"
    cat > "$root/etc/systemd/system/serial-getty@ttyS0.service.d/login.conf" <<'END'
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin dev --noclear --keep-baud 115200 ttyS0 dumb
END
    cat > "$root/home/dev/.bash_profile" <<'END'
[ "$(tty)" = /dev/ttyS0 ] || return
bash /opt/check.sh < /dev/null 2>&1
sync
sudo --non-interactive systemctl poweroff --force
END
    touch "$root/installed"
fi

install --mode 755 "$airlock" "$root/usr/local/bin/airlock"
install --mode 755 "$tests" "$root/opt/sandboxed-tests"
install --mode 644 "$here/check.sh" "$here/server.py" "$here/../../crates/airlock-sandbox/apparmor/airlock" "$root/opt/"
install --directory --owner 1000 --group 1000 "$root$TESTS_FOLDER"
rm -f "$image"
truncate --size 3G "$image"
mke2fs -q -t ext4 -d "$root" "$image"

# Emulated, so that it runs wherever this does, without KVM, and without a network. By one thread: with more, QEMU 7.2 may run an
# instruction of the kernel that another processor is just rewriting, and the machine ends.
exec qemu-system-x86_64 -accel tcg,thread=single -cpu max -m 3072 -smp 2 -nic none -nographic -no-reboot \
    -kernel "$root/vmlinuz" -initrd "$root/initrd.img" -drive "file=$image,format=raw,if=virtio" \
    -append 'root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=0' < /dev/null
