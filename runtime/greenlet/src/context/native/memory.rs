//! What is asked of the kernel for stacks: address space, guards, and taking memory back.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(target_os = "linux")]
use super::valgrind;

/// Linux 6.13 and later. The packages with the kernel's constants do not all have it.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// The guard of stacks that are mapped from now on, in bytes.
static GUARD_SIZE: AtomicUsize = AtomicUsize::new(16 * 1024);

/// How the lowest pages of a stack are made to fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guards {
    /// Markers in the page table. They split no mapping, so that their number has no limit.
    Markers,
    /// Protection of their own, which makes two mappings of a stack.
    Protection,
}

/// The environment variable that forces the second kind, for tests and for comparison.
const FORCE: &str = "GREENLET_GUARDS";

pub(super) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: asks for a number.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
    })
}

pub(super) fn guard_size() -> usize {
    GUARD_SIZE.load(Ordering::Relaxed)
}

/// Sets the least size of guards to come; returns what was set before.
pub(super) fn set_guard_size(bytes: usize) -> usize {
    GUARD_SIZE.swap(bytes.clamp(page_size(), 1 << 30).next_multiple_of(page_size()), Ordering::Relaxed)
}

/// Which guards this kernel has. Found out once, by installing one.
pub(super) fn guards() -> Guards {
    static KIND: OnceLock<Guards> = OnceLock::new();
    *KIND.get_or_init(|| {
        let forced = std::env::var_os(FORCE).is_some_and(|kind| kind == "mprotect");
        if forced || !cfg!(target_os = "linux") {
            return Guards::Protection;
        }
        let Ok(page) = reserve(page_size()) else { return Guards::Protection };
        // SAFETY: the page was mapped just now, and nobody else knows of it.
        unsafe {
            let marked = libc::madvise(page.as_ptr().cast(), page_size(), MADV_GUARD_INSTALL) == 0 && faults(page);
            release(page, page_size());
            if marked { Guards::Markers } else { Guards::Protection }
        }
    })
}

/// Whether an access to this address would fault. Emulators grant any advice, and ignore it.
pub(super) fn faults(address: NonNull<u8>) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: the kernel looks at the address in our place. The pipe is closed once.
    unsafe {
        if libc::pipe(pipe.as_mut_ptr()) != 0 {
            return false;
        }
        let written = libc::write(pipe[1], address.as_ptr().cast(), 1);
        for end in pipe {
            libc::close(end);
        }
        written < 0
    }
}

/// Reserves address space, readable and writable, of which no page has memory yet.
pub(super) fn reserve(bytes: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, at an address of the kernel's choice, touches nothing that exists.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page would give memory to hundreds of stacks at the touch of one. Where the kernel has none this fails.
    #[cfg(target_os = "linux")]
    // SAFETY: advice on the mapping that was just made.
    unsafe {
        libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE)
    };
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Makes every access to these pages a fault.
///
/// # Safety
///
/// They are whole pages of a mapping from [`reserve`], and nothing is in them.
pub(super) unsafe fn guard(start: NonNull<u8>, bytes: usize) -> io::Result<()> {
    let start = start.as_ptr().cast();
    // SAFETY: the caller's promise.
    let failed = unsafe {
        match guards() {
            Guards::Markers => libc::madvise(start, bytes, MADV_GUARD_INSTALL),
            Guards::Protection => libc::mprotect(start, bytes, libc::PROT_NONE),
        }
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// So many guards are made by one call, at most.
pub(super) const TOGETHER: u32 = 64;

/// [`guard`]s several places, each so many bytes, by one call, which takes a third less than as many calls. How many of them; none where
/// the kernel has no such call.
///
/// # Safety
///
/// As for [`guard`], for each of the places.
#[cfg(target_os = "linux")]
pub(super) unsafe fn guard_several(places: impl Iterator<Item = (NonNull<u8>, usize)>) -> u32 {
    /// The same number on all kinds of machines.
    const SYS_PROCESS_MADVISE: libc::c_long = 440;
    /// In place of a descriptor of the process. Linux 6.14 and later.
    const PIDFD_SELF: libc::c_int = -10_000;
    static REFUSED: OnceLock<()> = OnceLock::new();
    if guards() != Guards::Markers || REFUSED.get().is_some() || valgrind::is_here() {
        return 0;
    }
    let mut named = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; TOGETHER as usize];
    let mut count = 0;
    for (place, (start, bytes)) in named.iter_mut().zip(places) {
        *place = libc::iovec { iov_base: start.as_ptr().cast(), iov_len: bytes };
        count += 1;
    }
    let named = &named[..count];
    // SAFETY: the caller's promise; the kernel reads so many places.
    let advised = unsafe {
        libc::syscall(SYS_PROCESS_MADVISE, PIDFD_SELF, named.as_ptr(), named.len(), MADV_GUARD_INSTALL, 0_usize)
    };
    match usize::try_from(advised) {
        Ok(advised) => {
            let mut left = advised;
            let whole = |place: &&libc::iovec| {
                let whole = place.iov_len <= left;
                left = left.saturating_sub(place.iov_len);
                whole
            };
            named.iter().take_while(whole).count() as u32
        }
        // Asked one by one, it says what it has against it.
        Err(_) => {
            REFUSED.get_or_init(|| ());
            0
        }
    }
}

/// There is no such call here.
///
/// # Safety
///
/// As for [`guard`].
#[cfg(not(target_os = "linux"))]
pub(super) unsafe fn guard_several(_: impl Iterator<Item = (NonNull<u8>, usize)>) -> u32 {
    0
}

/// Takes the memory of these pages back; they read as zeros from then on. Guards stay.
///
/// # Safety
///
/// They are whole pages of a mapping from [`reserve`], and nobody needs what is in them.
pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. On failure the memory stays, which is no error of the caller's.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTNEED) };
}

/// Unmaps address space.
///
/// # Safety
///
/// It is whole pages of a mapping from [`reserve`], and nothing refers to them any more.
pub(super) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

/// How many bytes of these pages have memory.
///
/// # Safety
///
/// They are whole pages of a mapping from [`reserve`].
pub(super) unsafe fn resident(start: NonNull<u8>, bytes: usize) -> usize {
    const BATCH: usize = 256;
    let mut pages = 0;
    let mut seen = [0; BATCH];
    for from in (0..bytes).step_by(BATCH * page_size()) {
        let length = (bytes - from).min(BATCH * page_size());
        // SAFETY: the caller's promise; `seen` has a byte for each page of this part.
        let failed = unsafe {
            let start = start.as_ptr().add(from).cast();
            libc::mincore(start, length, seen.as_mut_ptr().cast())
        };
        if failed == 0 {
            pages += seen[..length / page_size()].iter().filter(|page: &&u8| **page & 1 != 0).count();
        }
    }
    pages * page_size()
}
