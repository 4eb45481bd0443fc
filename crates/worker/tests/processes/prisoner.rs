//! What a process in the sandbox cannot do. This program puts itself into it and tries.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, Stdio};

use saltprint_worker::LayerKind;
use saltprint_worker::sandbox::{Bounds, enter};

use crate::workers;

/// First argument of the program that is to be the prisoner.
pub(crate) const ARGUMENT: &str = "prisoner";

const MIB: usize = 1024 * 1024;

/// Enters the sandbox, tries everything, and prints what went through.
pub(crate) fn run() -> ExitCode {
    // A file and a socket that could be used if descriptors stayed open.
    let inherited = File::open("/proc/self/exe").and_then(|file| file.try_clone());
    let before = open_descriptors();
    let layers = enter(Bounds { memory: 512 * MIB as u64, cpu_seconds: 30 });
    // What it held is closed; nothing may close it once more.
    std::mem::forget(inherited);
    let mut out = String::new();
    let mut attempt = |name: &str, succeeded: bool| {
        if succeeded {
            out.push_str(name);
            out.push('\n');
        }
    };
    attempt("had no descriptors to lose", before <= 3);
    attempt("a layer is missing", layers.len() != LayerKind::ALL.len());
    attempt("read a file", File::open("/etc/hostname").is_ok() || File::open("/proc/self/status").is_ok());
    attempt("list a folder", fs::read_dir("/").is_ok());
    attempt("look at a file", fs::metadata("/etc/passwd").is_ok());
    attempt("write a file", File::create("/tmp/saltprint-prisoner").is_ok());
    attempt("remove a file", fs::remove_file("/tmp/saltprint-prisoner-none").is_ok());
    attempt("make a socket", UdpSocket::bind("127.0.0.1:0").is_ok());
    attempt("listen", TcpListener::bind("127.0.0.1:0").is_ok());
    attempt("connect", TcpStream::connect("127.0.0.1:9").is_ok());
    attempt("make a local socket", UnixStream::pair().is_ok());
    attempt("start a thread", std::thread::Builder::new().spawn(|| ()).is_ok());
    attempt("start a program", Command::new("/bin/true").spawn().is_ok());
    attempt("take 1 GiB", Vec::<u8>::new().try_reserve_exact(1024 * MIB).is_ok());
    attempt("keep descriptors", (3..64).any(|descriptor| nix::unistd::close(descriptor).is_ok()));
    let allowed = Vec::<u8>::new().try_reserve_exact(64 * MIB).is_ok();
    attempt("take 64 MiB, as it may", allowed);
    let _ = std::io::stdout().write_all(out.as_bytes());
    ExitCode::SUCCESS
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

pub(crate) fn the_sandbox_holds() {
    let layers = workers(|_| ()).layers().to_vec();
    if !layers.iter().any(|layer| layer.kind == LayerKind::SystemCalls && layer.active) {
        println!("skipped: no filter of system calls here");
        return;
    }
    let ran = Command::new("/proc/self/exe").arg(ARGUMENT).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "take 64 MiB, as it may\n");
}

pub(crate) fn every_layer_is_told() {
    let layers = workers(|_| ()).layers().to_vec();
    assert_eq!(layers.iter().map(|layer| layer.kind).collect::<Vec<_>>(), LayerKind::ALL);
    for layer in layers {
        println!("{}: {} ({})", layer.kind.name(), layer.active, layer.detail);
        assert!(!layer.detail.is_empty());
        // Kernels may be built without landlock or seccomp; the rest is as old as Linux.
        let may_lack = matches!(layer.kind, LayerKind::Landlock | LayerKind::SystemCalls);
        assert!(layer.active || may_lack || cfg!(not(target_os = "linux")));
    }
}

/// A shell leaves a descriptor open to the parent, which goes down to the worker; it must not be there for what it decodes.
pub(crate) fn inherited_descriptors() {
    let script = "exec 9</etc/passwd; exec \"$0\" prisoner";
    let own = std::env::current_exe().unwrap();
    let ran = Command::new("/bin/sh").arg("-c").arg(script).arg(own).stdout(Stdio::piped()).spawn();
    let Ok(mut ran) = ran else {
        println!("skipped: no shell here");
        return;
    };
    let mut out = String::new();
    ran.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(ran.wait().unwrap().success());
    assert!(!out.contains("keep descriptors"), "{out}");
}
