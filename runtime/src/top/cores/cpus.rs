//! On which processors a thread may run.

use std::io;

/// Returns the CPUs that this thread may run on, by the kernel's numbers, see sched_getaffinity(2).
pub(super) fn allowed_cpus() -> io::Result<Vec<usize>> {
    // SAFETY: all zeros is a valid set, the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is as large as is said. A kernel with room for more CPUs than its 1,024 returns EINVAL.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) })?;
    let most = 8 * size_of_val(&set);
    let mut cpus = Vec::new();
    for cpu in 0..most {
        // SAFETY: the number is below what the set has room for.
        if unsafe { libc::CPU_ISSET(cpu, &set) } {
            cpus.push(cpu);
        }
    }
    Ok(cpus)
}

/// Keeps this thread on one CPU, one of [`allowed_cpus`], see sched_setaffinity(2).
pub(super) fn stay_on_cpu(cpu: usize) -> io::Result<()> {
    // SAFETY: all zeros is a valid set, the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number came out of such a set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: `set` is as large as is said.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) }).map(drop)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
