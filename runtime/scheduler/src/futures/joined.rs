//! The handles of tasklets as futures.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::proxy::Proxy;
use crate::job::{JoinError, take_outcome};
use crate::joinable::Tasklet;
use crate::threads::handle::Handle;

/// Waits for the tasklet's end and takes its result, as [`join`](Handle::join) does, on any executor.
///
/// Ready with [`JoinError`] if it panicked, was killed or never began, or if the result was taken already: what polls it again is told
/// [`Taken`](JoinError::Taken).
impl<R: 'static> Future for Handle<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.outcome().take_or_wait(None) {
            return Poll::Ready(result);
        }
        let id = self.proxy.await_by(context.waker());
        let waiter = (Proxy::inbox().clone(), id);
        self.outcome().take_or_wait(Some(&waiter)).map_or(Poll::Pending, Poll::Ready)
    }
}

impl<R: 'static> Drop for Handle<R> {
    fn drop(&mut self) {
        if let Some(id) = self.proxy.id() {
            self.outcome().forget(&(Proxy::inbox().clone(), id));
        }
    }
}

/// Waits for the tasklet's end and takes its result, as [`join`](Tasklet::join) does, on an executor of the tasklet's own thread.
///
/// Somebody has to let the tasklet run meanwhile: [`block_on`](crate::block_on) does while it waits; an executor that has its thread for
/// itself does not.
///
/// Ready with [`JoinError`] if it panicked or was killed, if it is the caller itself, or if the result was taken already.
impl<R: 'static> Future for Tasklet<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let own = self.is_current();
        let job = &mut self.job;
        if job.of.fate().is_over() {
            return Poll::Ready(take_outcome(&job.of));
        }
        if own {
            return Poll::Ready(Err(JoinError::Current));
        }
        let id = job.proxy.await_by(context.waker());
        job.of.fate().add_future(id);
        Poll::Pending
    }
}
