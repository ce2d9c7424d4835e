//! Killer robots: the world and its robots are actors, each a loop on its mailbox. The world sends ticks, the robots answer
//! with what they do. A robot can end in two ways: an end of its messages is sent to its mailbox, or it is killed.

use tasklets::{AnyTasklet, Channel, StopIteration, current, run, schedule, spawn};

const WIDTH: i32 = 16;
const HEIGHT: i32 = 3;

type Place = (i32, i32);

enum Event {
    Tick,
    Hit,
}

enum Request {
    Join(Robot),
    Step(char, Place),
    LayMine(char),
    GiveUp(char),
}

/// What the world knows of a robot.
#[derive(Clone)]
struct Robot {
    name: char,
    at: Place,
    mailbox: Channel<Event>,
    tasklet: AnyTasklet,
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
fn robot(world: &Channel<Request>, name: char, at: Place, mut step: Place, layer: bool) {
    let mailbox = Channel::named(name.to_string());
    let ask = |request| world.send(request).expect("the world outlives its robots");
    ask(Request::Join(Robot { name, at, mailbox: mailbox.clone(), tasklet: current() }));
    let _explosive = Explosive(name);
    let (mut armour, mut ticks) = (2, 0);
    for event in mailbox {
        match event {
            Event::Tick => {
                ticks += 1;
                if layer && ticks % 3 == 0 {
                    ask(Request::LayMine(name));
                }
                ask(Request::Step(name, step));
            }
            Event::Hit => {
                armour -= 1;
                step = (-step.0, -step.1);
                if armour == 0 {
                    ask(Request::GiveUp(name));
                }
            }
        }
    }
    println!("  {name} {}", if armour == 0 { "falls apart" } else { "goes home" });
}

struct World {
    mailbox: Channel<Request>,
    robots: Vec<Robot>,
    mines: Vec<Place>,
}

impl World {
    fn live(&mut self, ticks: u32) {
        self.serve();
        for tick in 1..=ticks {
            for robot in self.robots.clone() {
                self.tell(&robot, Event::Tick);
            }
            println!("tick {tick}");
            self.fight();
            self.draw();
        }
        for robot in self.robots.drain(..) {
            robot.mailbox.shutdown();
        }
    }

    /// Tells a robot something, and serves what it asks for: it would wait for that for ever if the world just went on.
    fn tell(&mut self, robot: &Robot, event: Event) {
        robot.mailbox.send(event).expect("robots listen until the world ends them");
        self.serve();
    }

    fn serve(&mut self) {
        while self.mailbox.balance() > 0 {
            match self.mailbox.receive().expect("somebody waits to send") {
                Request::Join(robot) => self.robots.push(robot),
                Request::Step(name, (x, y)) => {
                    for robot in self.robots.iter_mut().filter(|robot| robot.name == name) {
                        robot.at = ((robot.at.0 + x).rem_euclid(WIDTH), (robot.at.1 + y).rem_euclid(HEIGHT));
                    }
                }
                Request::LayMine(name) => {
                    self.mines.extend(self.robots.iter().filter(|robot| robot.name == name).map(|robot| robot.at));
                }
                Request::GiveUp(name) => {
                    for robot in self.robots.extract_if(.., |robot| robot.name == name) {
                        robot.mailbox.send_exception(StopIteration).expect("it listens still");
                    }
                }
            }
            // Whoever was served goes on, and may ask for more.
            schedule().expect("the world may yield");
        }
    }

    /// Mines end who drives on them. Robots that meet hit each other.
    fn fight(&mut self) {
        for mine in std::mem::take(&mut self.mines) {
            let mut killed = self.robots.extract_if(.., |robot| robot.at == mine).peekable();
            if killed.peek().is_none() {
                self.mines.push(mine);
            }
            killed.for_each(|robot| robot.tasklet.kill().expect("the world may kill"));
        }
        for robot in self.robots.clone() {
            if self.robots.iter().any(|other| other.at == robot.at && other.name != robot.name) {
                self.tell(&robot, Event::Hit);
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
    let mailbox = Channel::named("world");
    let robots = [('A', (2, 1), (1, 0), false), ('B', (8, 1), (-1, 0), false), ('C', (9, 0), (0, 1), true)];
    for (name, at, step, layer) in robots {
        let world = mailbox.clone();
        spawn(move || robot(&world, name, at, step, layer));
    }
    spawn(move || World { mailbox, robots: Vec::new(), mines: Vec::new() }.live(12));
    println!("{}", run());
}
