//! Values on demand: two channels, one for the demands and one for what answers them.

use std::collections::VecDeque;

use tasklets::{Receiver, RecvError, Sender, select};

use super::rational::Rational;
use crate::support::{Go, make};

/// What travels in place of a coefficient.
pub(crate) trait Coefficient: From<Rational> + Into<Rational> + Send + 'static {}

impl<T: From<Rational> + Into<Rational> + Send + 'static> Coefficient for T {}

/// The end that demands.
pub(crate) struct Stream<C: Coefficient> {
    demands: Sender<()>,
    values: Receiver<C>,
}

/// The end that answers.
pub(crate) struct Source<C: Coefficient> {
    demands: Receiver<()>,
    values: Sender<C>,
}

/// Nobody demands any more, or there is nothing more to be had: a tasklet of a series ends with it.
pub(crate) struct Over;

impl<C: Coefficient> Stream<C> {
    pub(crate) fn get(&self) -> Result<Rational, Over> {
        self.demands.send(()).map_err(|_| Over)?;
        self.values.recv().map(C::into).map_err(|_| Over)
    }
}

impl<C: Coefficient> Source<C> {
    pub(crate) fn awaited(&self) -> Result<(), Over> {
        self.demands.recv().map_err(|_| Over)
    }

    /// Answers a demand that has come.
    pub(crate) fn answer(&self, value: Rational) -> Result<(), Over> {
        self.values.send(value.into()).map_err(|_| Over)
    }

    pub(crate) fn put(&self, value: Rational) -> Result<(), Over> {
        self.awaited()?;
        self.answer(value)
    }

    /// Goes on with what another one brings.
    pub(crate) fn copy(&self, from: &Stream<C>) -> Result<(), Over> {
        loop {
            self.awaited()?;
            self.answer(from.get()?)?;
        }
    }
}

/// Where tasklets of series begin, and which channels are between them.
#[derive(Clone)]
pub(crate) struct Maker {
    pub(crate) go: Go,
    pub(crate) kind: Option<usize>,
}

impl Maker {
    fn pair<C: Coefficient>(&self) -> (Source<C>, Stream<C>) {
        let ((ask, demands), (values, answers)) = (make(self.kind), make(self.kind));
        (Source { demands, values }, Stream { demands: ask, values: answers })
    }

    /// A stream whose values a new tasklet puts.
    pub(crate) fn stream<C: Coefficient>(
        &self,
        body: impl FnOnce(&Maker, &Source<C>) -> Result<(), Over> + Send + 'static,
    ) -> Stream<C> {
        let (source, stream) = self.pair();
        let maker = self.clone();
        self.go.go(move || {
            let (Ok(()) | Err(Over)) = body(&maker, &source);
        });
        stream
    }

    /// Two streams of the same values.
    pub(crate) fn split<C: Coefficient>(&self, from: Stream<C>) -> (Stream<C>, Stream<C>) {
        let ((one, first), (other, second)) = (self.pair(), self.pair());
        self.go.go(move || split(from, [one, other], false));
        (first, second)
    }

    /// A stream that is computed from itself.
    pub(crate) fn feedback<C: Coefficient>(&self, body: impl FnOnce(&Maker, Stream<C>) -> Stream<C>) -> Stream<C> {
        let ((out, result), (back, itself)) = (self.pair(), self.pair());
        let from = body(self, itself);
        self.go.go(move || split(from, [out, back], true));
        result
    }
}

/// One of two streams of the same values.
struct Side<C: Coefficient> {
    source: Source<C>,
    /// What the other side has had already.
    behind: VecDeque<Rational>,
    waits: bool,
    is_there: bool,
}

impl<C: Coefficient> Side<C> {
    fn new(source: Source<C>) -> Side<C> {
        Side { source, behind: VecDeque::new(), waits: false, is_there: true }
    }

    /// A demand has come, or will never come again.
    fn asked(&mut self, demand: Result<(), RecvError>) {
        (self.waits, self.is_there) = (demand.is_ok(), demand.is_ok());
        self.serve();
    }

    fn push(&mut self, value: Rational) {
        if self.is_there {
            self.behind.push_back(value);
            self.serve();
        }
    }

    fn finish(mut self) -> Result<(), Over> {
        for value in std::mem::take(&mut self.behind) {
            if !self.waits {
                self.source.awaited()?;
            }
            self.waits = false;
            self.source.answer(value)?;
        }
        Ok(())
    }

    fn serve(&mut self) {
        if !self.waits {
            return;
        }
        if let Some(value) = self.behind.pop_front() {
            self.waits = false;
            self.is_there = self.source.answer(value).is_ok();
        }
    }
}

/// Answers demands of both sides, which may come in any order. With `only_first` the other side has its demands from what this one
/// feeds: without the first, there is none.
fn split<C: Coefficient>(from: Stream<C>, sides: [Source<C>; 2], only_first: bool) {
    let [mut one, mut other] = sides.map(Side::new);
    loop {
        if !one.is_there && (only_first || !other.is_there) {
            return;
        }
        let (first, second) = (&one.source.demands, &other.source.demands);
        match (one.is_there, other.is_there) {
            (true, true) => {
                select! { recv(first) -> demand => one.asked(demand), recv(second) -> demand => other.asked(demand) }
            }
            (true, false) => one.asked(first.recv()),
            _ => other.asked(second.recv()),
        }
        let (asks, rests) = match (one.waits, other.waits) {
            (true, _) => (&mut one, &mut other),
            (_, true) => (&mut other, &mut one),
            _ => continue,
        };
        let Ok(value) = fetch(&from, rests) else { break };
        asks.push(value);
        rests.push(value);
    }
    // One of them has had all; that its source goes away tells it.
    let (told, last) = if one.behind.is_empty() { (one, other) } else { (other, one) };
    drop((from, told));
    let (Ok(()) | Err(Over)) = last.finish();
}

/// The next value for one side. The other is served meanwhile: the value may be computed from what that one has not had yet.
fn fetch<C: Coefficient>(from: &Stream<C>, other: &mut Side<C>) -> Result<Rational, Over> {
    from.demands.send(()).map_err(|_| Over)?;
    let values = &from.values;
    while other.is_there && !other.waits {
        let demands = &other.source.demands;
        select! {
            recv(values) -> value => return value.map(C::into).map_err(|_| Over),
            recv(demands) -> demand => other.asked(demand),
        }
    }
    values.recv().map(C::into).map_err(|_| Over)
}
