//! Which limit it was that the kernel refused memory for.

use std::fs::File;
use std::io::{self, Read};

use super::memory::page_size;
use crate::context::OutOfStacks;
use crate::error::StackLimit;

/// Below its limit of mappings by this many, a process cannot split one any more.
const ALMOST: usize = 8;

/// Why `bytes` more could not be mapped or guarded, and what to raise.
///
/// Nothing large is allocated here: memory may be what is missing.
pub(super) fn diagnose(bytes: usize, error: &io::Error) -> OutOfStacks {
    let used = pages_used();
    if let Some((limit, used)) = reached(libc::RLIMIT_AS, used.map(|(all, _)| all), bytes) {
        let why = format!(
            "{used} bytes of address space are in use, and RLIMIT_AS allows {limit}; raise it (ulimit -v), or lower the stack \
             size"
        );
        return OutOfStacks { limit: StackLimit::AddressSpace, why };
    }
    if let Some((limit, used)) = reached(libc::RLIMIT_DATA, used.map(|(_, data)| data), bytes) {
        let why = format!(
            "{used} bytes of data are mapped, and RLIMIT_DATA allows {limit}; raise it (ulimit -d), or lower the stack size"
        );
        return OutOfStacks { limit: StackLimit::Memory, why };
    }
    if let (Some(most), Some(mappings)) = (max_mappings(), mappings())
        && mappings + ALMOST >= most
    {
        let why = format!(
            "{mappings} mappings are in use, and vm.max_map_count allows {most}; raise it with sysctl, or run on Linux 6.13 or \
             later, where guards need none"
        );
        return OutOfStacks { limit: StackLimit::Mappings, why };
    }
    let why = format!(
        "the system has no memory for {bytes} bytes more ({error}); free some, add swap, or allow overcommitting \
         (vm.overcommit_memory)"
    );
    OutOfStacks { limit: StackLimit::Memory, why }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

/// A limit, and how much of it is used, if `bytes` more do not fit.
fn reached(resource: Resource, used: Option<usize>, bytes: usize) -> Option<(usize, usize)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills in the struct.
    let failed = unsafe { libc::getrlimit(resource, &raw mut limit) } != 0;
    if failed || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    let (limit, used) = (usize::try_from(limit.rlim_cur).ok()?, used?);
    (used.saturating_add(bytes) > limit).then_some((limit, used))
}

/// What the process has mapped, in bytes: all of it, and the private, writable part.
fn pages_used() -> Option<(usize, usize)> {
    let mut fields = [0; 256];
    let text = first_bytes("/proc/self/statm", &mut fields)?;
    let field = |at: usize| text.split_whitespace().nth(at)?.parse::<usize>().ok();
    Some((field(0)? * page_size(), field(5)? * page_size()))
}

fn max_mappings() -> Option<usize> {
    let mut number = [0; 32];
    first_bytes("/proc/sys/vm/max_map_count", &mut number)?.trim().parse().ok()
}

fn first_bytes<'a>(path: &str, into: &'a mut [u8]) -> Option<&'a str> {
    let length = File::open(path).ok()?.read(into).ok()?;
    std::str::from_utf8(&into[..length]).ok()
}

/// How many mappings the process has: a line each.
fn mappings() -> Option<usize> {
    let mut file = File::open("/proc/self/maps").ok()?;
    let mut part = [0; 4096];
    let mut lines = 0;
    loop {
        match file.read(&mut part) {
            Ok(0) => return Some(lines),
            Ok(length) => lines += part[..length].iter().filter(|byte| **byte == b'\n').count(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
