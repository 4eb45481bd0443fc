//! Which system calls a worker may make.
//!
//! All others fail with `EPERM`. They could end the process instead; but a C library that asks for something harmless should not
//! cost an image, and a call that is refused gives nothing either way.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Calls that are allowed whatever their arguments: memory that is there, descriptors that are open, the clock, random bytes,
/// and the end.
const ALLOWED: [i64; 22] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that are allowed where their third argument does not ask for memory that can be executed.
const WITHOUT_EXECUTION: [i64; 2] = [libc::SYS_mmap, libc::SYS_mprotect];

/// Lets this process make those calls only.
pub(super) fn apply() -> Result<String, seccompiler::Error> {
    seccompiler::apply_filter(&program()?)?;
    Ok(format!("{} system calls allowed", ALLOWED.len() + WITHOUT_EXECUTION.len() + 1))
}

fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.map(|call| (call, Vec::new())).into();
    let condition = |argument, operator, value| {
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
    };
    for call in WITHOUT_EXECUTION {
        let executes = libc::PROT_EXEC.unsigned_abs().into();
        rules.insert(call, vec![condition(2, SeccompCmpOp::MaskedEq(executes), 0)?]);
    }
    // How `abort` ends this process; no other can be meant.
    let own = std::process::id().into();
    rules.insert(libc::SYS_tgkill, vec![condition(0, SeccompCmpOp::Eq, own)?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles_and_is_small() {
        let program = program().unwrap();
        assert!((ALLOWED.len()..1000).contains(&program.len()));
    }
}
