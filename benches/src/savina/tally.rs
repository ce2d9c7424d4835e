//! An actor that waits for others.

use tasklets::actor::{Actor, Context, Handler, Only, Reply};

pub(super) enum Told {
    /// Answer when so many have come.
    Expect(usize, Reply<()>),
    One,
}

/// Counts those that are done.
#[derive(Default)]
pub(super) struct Tally {
    come: usize,
    expected: Option<(usize, Reply<()>)>,
}

impl Actor for Tally {
    type Mail = Only<Told>;
}

impl Handler<Told> for Tally {
    fn handle(&mut self, told: Told, _cx: &mut Context<'_, Tally>) {
        match told {
            Told::Expect(count, reply) => self.expected = Some((count, reply)),
            Told::One => self.come += 1,
        }
        if let Some((count, reply)) = self.expected.take_if(|(count, _)| *count == self.come) {
            self.come -= count;
            reply.send(()).expect("who waits");
        }
    }
}
