//! Who is there, in which room, and what is said to whom. Nothing here waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::Shutdown;
use std::rc::Rc;

use tasklets::net::TcpStream;
use tasklets::{Receiver, Sender, bounded};

/// Where everybody begins.
const LOBBY: &str = "lobby";

pub(crate) struct Hub {
    members: RefCell<BTreeMap<u64, Member>>,
    arrived: Cell<u64>,
    capacity: usize,
}

struct Member {
    nick: String,
    room: String,
    outbox: Sender<Rc<str>>,
    stream: TcpStream,
    slow: Rc<Cell<bool>>,
}

/// What the tasklet that writes to a client knows of it.
pub(crate) struct Outbox {
    /// Ends when the client has left, or was dropped.
    pub(crate) lines: Receiver<Rc<str>>,
    /// It was dropped, because this was full.
    pub(crate) slow: Rc<Cell<bool>>,
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Hub {
        Hub { members: RefCell::default(), arrived: Cell::new(0), capacity }
    }

    /// Lets a client in, as a guest in the lobby; its number, and what it is to be told.
    pub(crate) fn enter(&self, stream: TcpStream) -> (u64, Outbox) {
        let number = self.arrived.get() + 1;
        self.arrived.set(number);
        let (outbox, lines) = bounded(self.capacity);
        let slow = Rc::new(Cell::new(false));
        // A guest's name has a character that no name may have which is chosen.
        let nick = format!("guest.{number}");
        let member = Member { nick: nick.clone(), room: LOBBY.to_owned(), outbox, stream, slow: slow.clone() };
        self.members.borrow_mut().insert(number, member);
        self.tell(number, &format!("* welcome, {nick}; /help tells what there is"));
        self.announce(LOBBY, format!("* {nick} has come in"));
        (number, Outbox { lines, slow })
    }

    /// Lets a client go, if it is there still.
    pub(crate) fn leave(&self, number: u64) {
        let left = self.members.borrow_mut().remove(&number);
        if let Some(Member { nick, room, .. }) = left {
            self.announce(&room, format!("* {nick} has gone"));
        }
    }

    /// Says something to everybody in the client's room.
    pub(crate) fn say(&self, number: u64, text: &str) {
        if let Some((nick, room)) = self.names(number) {
            self.announce(&room, format!("[{room}] {nick}: {text}"));
        }
    }

    pub(crate) fn rename(&self, number: u64, nick: &str) {
        let Some((old, room)) = self.names(number) else { return };
        if !is_name(nick) {
            return self.tell(number, "* a name has 1 to 20 letters, digits, - and _");
        }
        let taken = self.members.borrow().values().any(|member| member.nick == nick);
        if taken {
            return self.tell(number, &format!("* somebody is called {nick} already"));
        }
        if let Some(member) = self.members.borrow_mut().get_mut(&number) {
            member.nick = nick.to_owned();
        }
        self.announce(&room, format!("* {old} is called {nick} now"));
    }

    pub(crate) fn join(&self, number: u64, room: &str) {
        let Some((nick, old)) = self.names(number) else { return };
        if !is_name(room) {
            return self.tell(number, "* a room's name has 1 to 20 letters, digits, - and _");
        }
        if let Some(member) = self.members.borrow_mut().get_mut(&number) {
            member.room = room.to_owned();
        }
        self.announce(&old, format!("* {nick} has gone to {room}"));
        self.announce(room, format!("* {nick} has come to {room}"));
    }

    /// Tells a client who is in its room.
    pub(crate) fn tell_who(&self, number: u64) {
        let Some((_, room)) = self.names(number) else { return };
        let members = self.members.borrow();
        let nicks: Vec<&str> =
            members.values().filter(|member| member.room == room).map(|member| &*member.nick).collect();
        let line = format!("* in {room}: {}", nicks.join(", "));
        drop(members);
        self.tell(number, &line);
    }

    /// Tells a client which rooms there are.
    pub(crate) fn tell_rooms(&self, number: u64) {
        let mut rooms = BTreeMap::<String, usize>::new();
        for member in self.members.borrow().values() {
            *rooms.entry(member.room.clone()).or_default() += 1;
        }
        let rooms: Vec<String> = rooms.into_iter().map(|(room, count)| format!("{room} ({count})")).collect();
        self.tell(number, &format!("* rooms: {}", rooms.join(", ")));
    }

    /// Tells one client something.
    pub(crate) fn tell(&self, number: u64, line: &str) {
        self.send(line, |other, _| other == number);
    }

    fn names(&self, number: u64) -> Option<(String, String)> {
        self.members.borrow().get(&number).map(|member| (member.nick.clone(), member.room.clone()))
    }

    fn announce(&self, room: &str, line: String) {
        self.send(&line, |_, member| member.room == room);
    }

    /// Puts a line into outboxes. Who has no room for it, is dropped, and the others of its room are told: who has no room for that, is
    /// dropped, too, and so on.
    fn send(&self, line: &str, to: impl Fn(u64, &Member) -> bool) {
        let mut dropped = VecDeque::new();
        self.put(line, to, &mut dropped);
        while let Some(Member { nick, room, stream, slow, .. }) = dropped.pop_front() {
            slow.set(true);
            // Ends the tasklet that reads; the other one says goodbye.
            let _ = stream.shutdown(Shutdown::Read);
            self.put(&format!("* {nick} is too slow, and was dropped"), |_, other| other.room == room, &mut dropped);
        }
    }

    fn put(&self, line: &str, to: impl Fn(u64, &Member) -> bool, dropped: &mut VecDeque<Member>) {
        let line: Rc<str> = format!("{line}\n").into();
        // No send here waits, and none has a waker of somebody else's: the borrow is safe.
        let mut members = self.members.borrow_mut();
        let full = members.iter().filter(|(number, member)| to(**number, member)).filter_map(|(number, member)| {
            let refused = member.outbox.try_send(line.clone()).is_err();
            refused.then_some(*number)
        });
        let full: Vec<u64> = full.collect();
        dropped.extend(full.iter().filter_map(|number| members.remove(number)));
    }
}

fn is_name(name: &str) -> bool {
    (1..=20).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
