//! The system calls that the sandbox of Linux refuses.
//!
//! A list of what is allowed would have to know what each version of each C library calls, on each processor, and would
//! end the program where it is wrong. Here it is the other way round, and yet nothing gets through that nobody has
//! thought of: every call up to [`NEWEST`] was looked at, and what comes after it is refused as a call that the kernel
//! does not have, for which libraries have another way.

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};
use std::collections::BTreeMap;

/// The number of the newest system call that was looked at: `file_setattr` of Linux 6.17. From 424 on all processors have
/// the same numbers. Those of the x32 form of `x86_64`, another way to every call, begin at 2^30.
const NEWEST: u32 = 469;

/// `clone3` of Linux 5.3. What it is asked for stands in memory, which no filter sees; libraries fall back to `clone`.
const CLONE3: u32 = 435;

/// System calls that nothing needs once everything is open: sockets, programs, other processes, the kernel itself. The
/// kernel's queues (`io_uring`, `io_submit`) are among them because what is done through them passes no filter.
const NEVER: &[c_long] = &[
    // Connections.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Programs, and memory that could become one.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_memfd_create,
    447, // memfd_secret
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    440, // process_madvise
    448, // process_mrelease
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setpriority,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setaffinity,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // What processes share by name.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // The kernel's queues.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_io_submit,
    // Files by other ways than their names.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // File systems, and the view of them.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    467, // open_tree_attr
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    442, // mount_setattr
    457, // statmount
    458, // listmount
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_quotactl,
    443, // quotactl_fd
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(not(target_arch = "x86_64"))]
    294, // kexec_file_load
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_personality,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Keys, and who one is.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
];

/// The same under the names that only `x86_64` has.
#[cfg(target_arch = "x86_64")]
const NEVER_OLD: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_OLD: &[c_long] = &[];

/// What a thread that looks into packets does not need either: whatever takes the name of a file, and connections of
/// others.
const NOT_IN_PACKETS: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_accept4,
    libc::SYS_accept,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_readlinkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    452, // fchmodat2
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_truncate,
    libc::SYS_utimensat,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    463, // setxattrat
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    466, // removexattrat
    469, // file_setattr
    libc::SYS_inotify_add_watch,
];

/// The same under the names that only `x86_64` has.
#[cfg(target_arch = "x86_64")]
const NOT_IN_PACKETS_OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_symlink,
    libc::SYS_link,
    libc::SYS_readlink,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const NOT_IN_PACKETS_OLD: &[c_long] = &[];

/// Calls that could send by a socket that is their first argument, or make another descriptor of it.
const SENDING: [c_long; 6] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwritev2,
    libc::SYS_sendfile,
    libc::SYS_dup,
    libc::SYS_dup3,
];

#[derive(Debug, thiserror::Error)]
pub(super) enum FilterError {
    #[error(transparent)]
    Backend(#[from] seccompiler::BackendError),
    #[error(transparent)]
    Install(#[from] seccompiler::Error),
}

/// Closes system calls off for the whole process. By the sockets `receive_only` nothing can be sent.
pub(super) fn close_for_all(receive_only: &[i32]) -> Result<(), FilterError> {
    for program in [unknown(), refused(receive_only)?] {
        seccompiler::apply_filter_all_threads(&program)?;
    }
    Ok(())
}

/// Closes off for this thread what one that looks into packets does not need.
pub(super) fn close_for_packets() -> Result<(), FilterError> {
    let rules = NOT_IN_PACKETS.iter().chain(NOT_IN_PACKETS_OLD).map(|call| (*call, Vec::new()));
    Ok(seccompiler::apply_filter(&program(rules.collect())?)?)
}

/// Refuses what the kernel might know and this program does not.
fn unknown() -> BpfProgram {
    // struct seccomp_data begins with the number of the call; classic BPF as in linux/bpf_common.h.
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_GREATER: u16 = 0x25;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let step = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let absent = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    vec![
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_GREATER, NEWEST, 2, 0),
        step(JUMP_IF_EQUAL, CLONE3, 1, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(RETURN, absent, 0, 0),
    ]
}

/// Refuses what nothing needs, and what is needed in the ways in which it is not.
fn refused(receive_only: &[i32]) -> Result<BpfProgram, FilterError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        NEVER.iter().chain(NEVER_OLD).map(|call| (*call, Vec::new())).collect();
    let mut refuse = |call, rule| rules.entry(call).or_default().push(rule);
    // An answer to whoever connected names no address; to send to one that is named is refused.
    refuse(libc::SYS_sendto, rule([argument(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?])?);
    // Threads are started, processes are not.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let no_thread = SeccompCmpOp::MaskedEq(thread);
    refuse(libc::SYS_clone, rule([argument(0, SeccompCmpArgLen::Qword, no_thread, 0)?])?);
    // Signals are for the program itself, where it has to end; limits are read, and those of others are not set.
    let own = u64::from(std::process::id());
    for (call, only) in [(libc::SYS_kill, own), (libc::SYS_tgkill, own), (libc::SYS_prlimit64, 0)] {
        refuse(call, rule([argument(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, only)?])?);
    }
    // What pretends that somebody typed it at the terminal.
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        refuse(libc::SYS_ioctl, rule([is(1, u64::from(u32::try_from(request).unwrap_or(u32::MAX)))?])?);
    }
    for socket in receive_only.iter().filter_map(|socket| u64::try_from(*socket).ok()) {
        for call in SENDING.into_iter().chain([libc::SYS_sendto]) {
            refuse(call, rule([is(0, socket)?])?);
        }
        #[cfg(target_arch = "x86_64")]
        refuse(libc::SYS_dup2, rule([is(0, socket)?])?);
        refuse(libc::SYS_splice, rule([is(2, socket)?])?);
        for command in [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC] {
            refuse(libc::SYS_fcntl, rule([is(0, socket)?, is(1, u64::from(command.unsigned_abs()))?])?);
        }
    }
    program(rules)
}

fn argument(
    number: u8,
    length: SeccompCmpArgLen,
    comparison: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, FilterError> {
    Ok(SeccompCondition::new(number, length, comparison, value)?)
}

/// Whether a descriptor or command, of which the kernel takes 32 bits, is this.
fn is(number: u8, value: u64) -> Result<SeccompCondition, FilterError> {
    argument(number, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, FilterError> {
    Ok(SeccompRule::new(conditions.into())?)
}

/// A filter that refuses calls as not permitted, those with rules where one of the rules fits, and lets all others pass.
/// Calls by way of another processor's table (32 bits) end the program.
fn program(rules: BTreeMap<c_long, Vec<SeccompRule>>) -> Result<BpfProgram, FilterError> {
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();

    /// What the kernel makes of a call: runs `program` as linux/filter.h says.
    fn run(program: &[sock_filter], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let words = arguments.iter().flat_map(|value| [*value as u32, (*value >> 32) as u32]);
        let data: Vec<u32> = [number, arch, 0, 0].into_iter().chain(words).collect();
        let (mut place, mut accumulator) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[place];
            let jump = |met| usize::from(if met { jt } else { jf });
            place += 1 + match code {
                0x20 => {
                    accumulator = data[k as usize / 4];
                    0
                }
                0x54 => {
                    accumulator &= k;
                    0
                }
                0x05 => k as usize,
                0x15 => jump(accumulator == k),
                0x25 => jump(accumulator > k),
                0x35 => jump(accumulator >= k),
                0x06 => return k,
                other => panic!("{other:#x} is not known"),
            };
        }
    }

    /// What becomes of a call: of two filters the kernel takes the stricter answer, the one with the least number.
    fn outcome(receive_only: &[i32], number: u32, arguments: [u64; 6]) -> u32 {
        let arch = if cfg!(target_arch = "x86_64") { 0xC000_003E } else { 0xC000_00B7 };
        let filters = [unknown(), refused(receive_only).unwrap()];
        filters.iter().map(|filter| run(filter, arch, number, arguments)).min().unwrap()
    }

    fn of(call: c_long, arguments: [u64; 6]) -> u32 {
        outcome(&[7], u32::try_from(call).unwrap(), arguments)
    }

    #[test]
    fn calls_that_nobody_has_looked_at_are_refused() {
        assert_eq!(outcome(&[], NEWEST, [0; 6]), ALLOW);
        for number in [NEWEST + 1, 600, CLONE3, u32::MAX] {
            assert_eq!(outcome(&[], number, [0; 6]), ABSENT, "{number}");
        }
        for call in NEVER.iter().chain(NEVER_OLD) {
            assert_eq!(of(*call, [0; 6]), REFUSED, "{call}");
        }
        for call in [libc::SYS_read, libc::SYS_openat, libc::SYS_mmap, libc::SYS_futex, libc::SYS_accept4] {
            assert_eq!(of(call, [0; 6]), ALLOW, "{call}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn there_is_no_other_way_to_a_call() {
        const X32: u32 = 1 << 30;
        let refused = refused(&[]).unwrap();
        for call in NEVER.iter().chain(NOT_IN_PACKETS).chain(&[libc::SYS_read]) {
            assert_eq!(outcome(&[], X32 | u32::try_from(*call).unwrap(), [0; 6]), ABSENT);
            // As a program for 32 bits would: AUDIT_ARCH_I386.
            let number = u32::try_from(*call).unwrap();
            assert_eq!(run(&refused, 0x4000_0003, number, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[test]
    fn what_is_needed_is_allowed_only_as_it_is_needed() {
        let own = u64::from(std::process::id());
        let thread = u64::from((libc::CLONE_THREAD | libc::CLONE_VM).unsigned_abs());
        for (call, allowed, refused) in [
            (libc::SYS_sendto, [3, 1, 2, 0, 0, 0], [3, 1, 2, 0, 4, 16]),
            (libc::SYS_clone, [thread, 0, 0, 0, 0, 0], [17, 0, 0, 0, 0, 0]),
            (libc::SYS_kill, [own, 6, 0, 0, 0, 0], [own + 1, 9, 0, 0, 0, 0]),
            (libc::SYS_tgkill, [own, own, 6, 0, 0, 0], [1, 1, 9, 0, 0, 0]),
            (libc::SYS_prlimit64, [0, 3, 0, 4, 0, 0], [1, 3, 4, 0, 0, 0]),
            (libc::SYS_ioctl, [1, 0x5413, 0, 0, 0, 0], [0, 0x5412, 0, 0, 0, 0]),
            // The kernel takes 32 bits of it.
            (libc::SYS_ioctl, [1, 0x5401, 0, 0, 0, 0], [0, 1 << 32 | 0x541C, 0, 0, 0, 0]),
        ] {
            assert_eq!((of(call, allowed), of(call, refused)), (ALLOW, REFUSED), "{call}");
        }
    }

    #[test]
    fn nothing_can_be_sent_by_the_socket_that_frames_come_from() {
        for call in SENDING.into_iter().chain([libc::SYS_sendto]) {
            assert_eq!(
                (of(call, [7, 0, 0, 0, 0, 0]), of(call, [8, 0, 0, 0, 0, 0])),
                (REFUSED, ALLOW),
                "{call}"
            );
            assert_eq!(of(call, [1 << 32 | 7, 0, 0, 0, 0, 0]), REFUSED, "{call}");
        }
        assert_eq!(of(libc::SYS_splice, [8, 0, 7, 0, 0, 0]), REFUSED);
        let [duplicate, lock] =
            [libc::F_DUPFD_CLOEXEC, libc::F_GETLK].map(|command| u64::from(command as u32));
        assert_eq!(of(libc::SYS_fcntl, [7, duplicate, 0, 0, 0, 0]), REFUSED);
        assert_eq!(of(libc::SYS_fcntl, [8, duplicate, 0, 0, 0, 0]), ALLOW);
        assert_eq!(of(libc::SYS_fcntl, [7, lock, 0, 0, 0, 0]), ALLOW);
        assert_eq!(of(libc::SYS_recvfrom, [7, 0, 0, 0, 0, 0]), ALLOW);
    }

    #[test]
    fn filters_are_of_a_length_that_the_kernel_takes() {
        let sockets: Vec<i32> = (0..16).collect();
        assert!(refused(&sockets).unwrap().len() < 4096);
    }

    #[test]
    fn every_call_of_the_lists_was_looked_at() {
        let all = [NEVER, NEVER_OLD, NOT_IN_PACKETS, NOT_IN_PACKETS_OLD].concat();
        assert!(all.iter().all(|call| u32::try_from(*call).unwrap() <= NEWEST));
        assert_eq!(libc::SYS_clone3, c_long::from(CLONE3));
    }
}
