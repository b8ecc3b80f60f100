//! What exists inside the box, besides what was asked for.

/// Folders of the system, read-only. On systems where one is a link into `/usr`, it is one inside, too.
pub(crate) const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// The files of `/etc` that programs need to start and to check certificates. No account, host or secret is in them.
pub(super) const SETTINGS: &[&str] = &[
    // Where the dynamic linker finds libraries.
    "/etc/ld.so.cache",
    // What `/usr/bin/awk` and its like are links to.
    "/etc/alternatives",
    // Public certificates, and what they are called elsewhere.
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    // Types of files by their endings.
    "/etc/mime.types",
];

/// What exists for a program without a root of its own and that others take badly which may not read it; no more in it of
/// accounts, hosts or secrets. What is not there at all is no matter.
pub(super) const SETTINGS_OF_THE_HOST: &[&str] = &[
    // Node.js ends when it may not read it.
    "/etc/ssl/openssl.cnf",
    // A name and an offset; without it times are in UTC, and with it closed some programs fail.
    "/etc/localtime",
];

/// Written anew, since the host's tell about the host.
pub(super) const WRITTEN: &[(&str, &str)] = &[
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("/etc/resolv.conf", ""),
];

/// Devices that hold nothing and touch nothing.
pub(super) const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Links that programs expect.
pub(super) const LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    // POSIX shared memory and semaphores.
    ("/dev/shm", "/tmp"),
    ("/var/tmp", "/tmp"),
];
