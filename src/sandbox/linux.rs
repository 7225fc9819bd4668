//! The sandbox of Linux.

use super::Allowed;
use caps::errors::CapsError;
use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// The kernel interface that is asked for (Linux 6.12); an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V6;

/// System calls that nothing needs once everything is open: sockets, programs, other processes, the kernel itself. The
/// kernel's queues (`io_uring`) are among them because what is done through them passes no filter.
const NEVER: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
];

/// What a thread that looks into packets does not need either.
const NOT_IN_PACKETS: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_accept4,
    libc::SYS_accept,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_truncate,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

pub(super) fn enter(allowed: &Allowed) -> Vec<String> {
    let mut lacks = Vec::new();
    if let Err(error) = drop_capabilities(allowed.of_anybody) {
        lacks.push(format!("capabilities could not be dropped: {error}"));
    }
    match restrict(allowed, true) {
        Ok(RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. }) => {
            lacks.push(
                "this kernel has no Landlock: files that are not needed could still be read".to_owned(),
            );
        }
        Ok(_) => {}
        Err(error) => lacks.push(format!("files could not be closed off: {error}")),
    }
    if let Err(error) = filter(NEVER).and_then(|program| Ok(seccompiler::apply_filter_all_threads(&program)?))
    {
        lacks.push(format!("system calls could not be closed off: {error}"));
    }
    lacks
}

pub(super) fn confine_thread() {
    // What this kernel lacks was said when the sandbox was entered.
    let _ = drop_capabilities(false);
    let _ = restrict(&Allowed::default(), false);
    let _ = filter(NOT_IN_PACKETS).and_then(|program| Ok(seccompiler::apply_filter(&program)?));
}

/// Drops capabilities; root may keep those that let it use files of others.
fn drop_capabilities(but_for_files: bool) -> Result<(), CapsError> {
    let files = HashSet::from([Capability::CAP_DAC_OVERRIDE, Capability::CAP_DAC_READ_SEARCH]);
    let has = caps::read(None, CapSet::Permitted)?;
    let kept = if but_for_files { files.intersection(&has).copied().collect() } else { HashSet::new() };
    caps::clear(None, CapSet::Inheritable)?;
    // Kernels before 4.3 have no such set, and nothing in it.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Refuses files and TCP, but what is allowed, and for a `whole` process signals to others. Also sets that no program
/// started may gain a privilege.
fn restrict(allowed: &Allowed, whole: bool) -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?;
    // A single thread that is set apart could not be told by the others to end.
    let ruleset = if whole { ruleset.scope(Scope::from_all(LANDLOCK))? } else { ruleset };
    let mut ruleset = ruleset.create()?;
    for path in &allowed.read {
        let access =
            if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        ruleset = rule(ruleset, path, access)?;
    }
    let write = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir;
    for path in &allowed.write {
        ruleset = rule(ruleset, path, write)?;
    }
    ruleset.restrict_self()
}

/// Lets `path` be used. What is not there, or has no place in a file system (a pipe needs no leave), is passed over:
/// whoever opens it says what is wrong.
fn rule(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    let has_place = path.canonicalize().is_ok();
    match PathFd::new(path) {
        Ok(file) if has_place => ruleset.add_rule(PathBeneath::new(file, access)),
        _ => Ok(ruleset),
    }
}

#[derive(Debug, thiserror::Error)]
enum FilterError {
    #[error(transparent)]
    Backend(#[from] seccompiler::BackendError),
    #[error(transparent)]
    Install(#[from] seccompiler::Error),
}

/// A filter that refuses `calls` as not permitted and lets all others pass.
fn filter(calls: &[i64]) -> Result<BpfProgram, FilterError> {
    let mut rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|call| (*call, Vec::new())).collect();
    // An answer to whoever connected names no address; to send to one that is named is refused.
    let named = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![named])?]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}
