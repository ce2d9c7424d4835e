//! The killer robots of `robots` on several threads: each is an actor, on whichever worker of a runtime has taken it. The world tells all of them
//! of a tick at once, and goes on when all have said what they do: so the game is the same, whoever is faster.

use tasklets::Runtime;
use tasklets::actor::{ActorBuilder, Addr, Mailbox, Reason, Reply};

const WIDTH: i32 = 16;
const HEIGHT: i32 = 3;

type Place = (i32, i32);

enum Event {
    Tick,
    Hit(Reply<Hull>),
}

enum Hull {
    Dented,
    Broken,
}

/// What a robot does in a tick.
struct Turn {
    name: char,
    lays_mine: bool,
    step: Place,
}

/// On a robot's stack: a kill unwinds it.
struct Explosive(char);

impl Drop for Explosive {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("  {} explodes", self.0);
        }
    }
}

/// Drives straight on, and turns back when it is hit. A layer lays a mine every third tick.
fn robot(mailbox: &Mailbox<Event>, world: &Addr<Turn>, name: char, mut step: Place, layer: bool) {
    let _explosive = Explosive(name);
    let (mut armour, mut ticks) = (2, 0);
    for event in mailbox {
        match event {
            Event::Tick => {
                ticks += 1;
                let turn = Turn { name, lays_mine: layer && ticks % 3 == 0, step };
                world.tell(turn).expect("the world outlives its robots");
            }
            Event::Hit(reply) => {
                armour -= 1;
                step = (-step.0, -step.1);
                let hull = if armour == 0 { Hull::Broken } else { Hull::Dented };
                reply.send(hull).unwrap_or_else(|_| panic!("the world waits for it"));
            }
        }
    }
    println!("  {name} {}", if armour == 0 { "falls apart" } else { "goes home" });
}

/// What the world knows of a robot.
#[derive(Clone)]
struct Robot {
    name: char,
    at: Place,
    addr: Addr<Event>,
}

impl Robot {
    /// Returns when it has done what it does at its end.
    fn end(self) {
        self.addr.stop();
        assert_eq!(self.addr.join(), Reason::Stopped);
    }
}

struct World {
    robots: Vec<Robot>,
    mines: Vec<Place>,
}

impl World {
    fn live(mut self, mailbox: &Mailbox<Turn>, ticks: u32) {
        for tick in 1..=ticks {
            for robot in &self.robots {
                robot.addr.tell(Event::Tick).expect("robots listen until the world ends them");
            }
            for _ in 0..self.robots.len() {
                self.take(mailbox.receive().expect("each says something"));
            }
            println!("tick {tick}");
            self.fight();
            self.draw();
        }
        self.robots.into_iter().for_each(Robot::end);
    }

    fn take(&mut self, Turn { name, lays_mine, step: (x, y) }: Turn) {
        let robot = self.robots.iter_mut().find(|robot| robot.name == name).expect("it was told of the tick");
        if lays_mine {
            self.mines.push(robot.at);
        }
        robot.at = ((robot.at.0 + x).rem_euclid(WIDTH), (robot.at.1 + y).rem_euclid(HEIGHT));
    }

    /// Mines end who drives on them. Robots that meet hit each other.
    fn fight(&mut self) {
        for mine in std::mem::take(&mut self.mines) {
            let killed: Vec<Robot> = self.robots.extract_if(.., |robot| robot.at == mine).collect();
            if killed.is_empty() {
                self.mines.push(mine);
            }
            for robot in killed {
                robot.addr.kill();
                assert_eq!(robot.addr.join(), Reason::Killed);
            }
        }
        for robot in self.robots.clone() {
            if self.robots.iter().any(|other| other.at == robot.at && other.name != robot.name)
                && let Ok(Hull::Broken) = robot.addr.ask(Event::Hit)
            {
                self.robots.retain(|other| other.name != robot.name);
                robot.end();
            }
        }
    }

    fn draw(&self) {
        for y in 0..HEIGHT {
            let symbol = |at| {
                let robot = self.robots.iter().find(|robot| robot.at == at).map(|robot| robot.name);
                robot.unwrap_or(if self.mines.contains(&at) { '*' } else { '.' })
            };
            println!("  {}", (0..WIDTH).map(|x| symbol((x, y))).collect::<String>());
        }
    }
}

fn main() {
    let runtime = Runtime::builder().threads(3).build().expect("threads");
    let spawner = runtime.spawner();
    let world = ActorBuilder::new().name("world").spawn_by(&spawner.clone(), move |mailbox: &Mailbox<Turn>| {
        let robots = [('A', (2, 1), (1, 0), false), ('B', (8, 1), (-1, 0), false), ('C', (9, 0), (0, 1), true)];
        let robots = robots.map(|(name, at, step, layer)| {
            let world = mailbox.addr();
            let body = move |mailbox: &Mailbox<Event>| robot(mailbox, &world, name, step, layer);
            Robot { name, at, addr: ActorBuilder::new().name(format!("robot {name}")).spawn_by(&spawner, body) }
        });
        World { robots: robots.into(), mines: Vec::new() }.live(mailbox, 12);
    });
    println!("the world has ended: {}", world.join());
    runtime.shutdown();
}
