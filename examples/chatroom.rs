//! A chat of actors: rooms are found by name, a guest that fails is missed by its room, and nobody else notices.

use tasklets::actor::{self, Actor, ActorBuilder, Addr, Context, Down, Handler, Mailbox, Many, Registry};
use tasklets::run;

/// What a guest hears.
type Heard = String;

#[derive(Default)]
struct Room {
    guests: Vec<(String, Addr<Heard>)>,
}

struct Enter(String, Addr<Heard>);
struct Say(String, String);
struct Left(String, Down);

impl Room {
    fn tell_all(&mut self, text: &str) {
        // Who does not listen any more is taken off the list when the room is told of that.
        self.guests.iter().for_each(|(_, guest)| drop(guest.tell(text.to_owned())));
    }
}

impl Actor for Room {
    type Mail = Many<Room>;
}

impl Handler<Enter> for Room {
    fn handle(&mut self, Enter(name, guest): Enter, cx: &mut Context<'_, Room>) {
        let who = name.clone();
        cx.monitor(&guest.any(), |down| Left(who, down));
        self.tell_all(&format!("{name} enters"));
        self.guests.push((name, guest));
    }
}

impl Handler<Say> for Room {
    fn handle(&mut self, Say(name, text): Say, _cx: &mut Context<'_, Room>) {
        self.tell_all(&format!("{name}: {text}"));
    }
}

impl Handler<Left> for Room {
    fn handle(&mut self, Left(name, down): Left, _cx: &mut Context<'_, Room>) {
        self.guests.retain(|(guest, _)| *guest != name);
        self.tell_all(&format!("{name} is gone: {}", down.reason));
    }
}

fn guest(name: &'static str) -> Addr<Heard> {
    ActorBuilder::new().name(name).spawn(move |mailbox: &Mailbox<Heard>| {
        for text in mailbox {
            println!("[{name}] {text}");
            assert!(!text.contains(&format!("bye {name}")), "thrown out");
        }
    })
}

fn main() {
    std::panic::set_hook(Box::new(|_| ()));
    let rooms = Registry::new();
    let room = actor::start(Room::default());
    rooms.register("lounge", &room.addr::<Say>()).expect("a new name");
    let guests = ["ada", "grace", "alan"].map(|name| (name, guest(name)));
    for (name, guest) in &guests {
        room.tell(Enter((*name).to_owned(), guest.clone())).expect("the room");
    }
    let lounge = rooms.find::<Say>("lounge").expect("it is there");
    let say = |name: &str, text: &str| lounge.tell(Say(name.to_owned(), text.to_owned())).expect("the room");
    say("ada", "hello");
    say("grace", "bye alan");
    println!("alan has ended: {}", guests[2].1.join());
    say("ada", "who was that?");
    // Until the room has nothing to do any more; then it ends, as nobody has its address, and the guests with it.
    drop((lounge, room, guests));
    println!("{}", run());
}
