//! A ring of stacks with nothing around it: what `schedule()` would cost if it had nothing to look at.

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    pub(crate) struct Ret;
    pub(crate) struct Jump;

    pub(crate) fn yields<S, const DEEP: bool>(name: &str, _stacks: usize) {
        eprintln!("{name} is there for x86_64 only");
        std::process::exit(1);
    }
}
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere::*;
