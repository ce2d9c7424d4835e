//! A span per tasklet, entered while it runs, and events for what happens to it. One branch when nobody listens.

#[cfg(feature = "tracing")]
pub(crate) use listening::*;
#[cfg(not(feature = "tracing"))]
pub(crate) use silent::*;

#[cfg(feature = "tracing")]
mod listening {
    use tracing::level_filters::LevelFilter;
    use tracing::{debug, debug_span, trace};

    use crate::core::{MAIN, Scheduler};
    use crate::park::Wait;
    use crate::table::Key;

    pub(crate) type Span = tracing::Span;

    const TARGET: &str = "tasklets";

    #[inline]
    fn listens() -> bool {
        LevelFilter::current() >= LevelFilter::DEBUG
    }

    /// Makes the span of a tasklet, and tells of it.
    #[inline]
    pub(crate) fn spawned(scheduler: &Scheduler, key: Key) {
        if listens() {
            make_span(scheduler, key);
        }
    }

    #[cold]
    fn make_span(scheduler: &Scheduler, key: Key) {
        let label = scheduler.label(key);
        let (name, at) = {
            let table = scheduler.core.table.borrow();
            let entry = table.get(key);
            (entry.name(), entry.spawned_at)
        };
        let told = scheduler.trapped(|| {
            let name = name.as_deref().unwrap_or(&label);
            let span = debug_span!(target: TARGET, parent: None, "tasklet", name, spawned_at = %at);
            debug!(target: TARGET, tasklet = %label, "spawn");
            span
        });
        let Ok(span) = told else { return };
        if span.is_disabled() {
            return;
        }
        let old = scheduler.core.table.borrow_mut().get_mut(key).rare_mut().span.replace(span);
        let hooks = &scheduler.core.hooks;
        hooks.spans.set(hooks.spans.get() + 1 - usize::from(old.is_some()));
        hooks.refresh();
        let _ = scheduler.trapped(move || drop(old));
    }

    /// Exits the span of a tasklet that is left.
    pub(crate) fn left(scheduler: &Scheduler, key: Key) {
        with_span(scheduler, key, |span| {
            span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
        });
    }

    /// Enters the span of a tasklet that goes on.
    pub(crate) fn entered(scheduler: &Scheduler, key: Key) {
        with_span(scheduler, key, |span| {
            span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
        });
    }

    fn with_span(scheduler: &Scheduler, key: Key, f: impl FnOnce(&Span)) {
        if scheduler.core.hooks.spans.get() == 0 {
            return;
        }
        let span = scheduler.core.table.borrow().get(key).rare().and_then(|rare| rare.span.clone());
        if let Some(span) = span {
            let _ = scheduler.trapped(move || f(&span));
        }
    }

    #[inline]
    pub(crate) fn blocked(scheduler: &Scheduler, key: Key, on: &dyn Wait, ticket: u32) {
        if LevelFilter::current() >= LevelFilter::TRACE {
            tell_blocked(scheduler, key, on, ticket);
        }
    }

    #[cold]
    fn tell_blocked(scheduler: &Scheduler, key: Key, on: &dyn Wait, ticket: u32) {
        let (label, what) = (scheduler.label(key), on.describe(ticket));
        let _ = scheduler.trapped(|| {
            trace!(target: TARGET, tasklet = %label, operation = what.operation, on = %what.on, "block");
        });
    }

    #[inline]
    pub(crate) fn woken(scheduler: &Scheduler, key: Key) {
        if LevelFilter::current() >= LevelFilter::TRACE {
            tell_woken(scheduler, key);
        }
    }

    #[cold]
    fn tell_woken(scheduler: &Scheduler, key: Key) {
        let label = scheduler.label(key);
        let _ = scheduler.trapped(|| trace!(target: TARGET, tasklet = %label, "wake"));
    }

    /// Tells of the end of a tasklet, and closes its span.
    #[inline]
    pub(crate) fn ended(scheduler: &Scheduler, key: Key) {
        if scheduler.core.hooks.spans.get() != 0 || listens() {
            close(scheduler, key);
        }
    }

    #[cold]
    fn close(scheduler: &Scheduler, key: Key) {
        let label = scheduler.label(key);
        let _ = scheduler.trapped(|| debug!(target: TARGET, tasklet = %label, "end"));
        let span = scheduler.core.table.borrow_mut().get_mut(key).rare_mut().span.take();
        let Some(span) = span else { return };
        let hooks = &scheduler.core.hooks;
        hooks.spans.set(hooks.spans.get() - 1);
        hooks.refresh();
        let begun = key != MAIN && scheduler.core.table.borrow().get(key).life == crate::table::Life::Started;
        let _ = scheduler.trapped(move || {
            if begun {
                span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
            }
            drop(span);
        });
    }
}

#[cfg(not(feature = "tracing"))]
mod silent {
    use crate::core::Scheduler;
    use crate::park::Wait;
    use crate::table::Key;

    pub(crate) fn spawned(_: &Scheduler, _: Key) {}
    pub(crate) fn left(_: &Scheduler, _: Key) {}
    pub(crate) fn entered(_: &Scheduler, _: Key) {}
    pub(crate) fn blocked(_: &Scheduler, _: Key, _: &dyn Wait, _: u32) {}
    pub(crate) fn woken(_: &Scheduler, _: Key) {}
    pub(crate) fn ended(_: &Scheduler, _: Key) {}
}
