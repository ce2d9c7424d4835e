//! Handles, parents and stacks in bulk: every order, long chains, limits.

use greenlet::{Builder, Greenlet, Received, set_max_stacks, set_pool_capacity, stats, trim};

use crate::harness::{Count, check, go, raised, scaled, to_main};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    Pending,
    Suspended,
    Dead,
}

/// Three greenlets in every state, with every shape of parents, let go of in every order.
#[test]
fn handles_dropped_in_every_state_and_order() {
    const LIVES: [Life; 3] = [Life::Pending, Life::Suspended, Life::Dead];
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    check(|| {
        for (shape, lives) in (0..6).flat_map(|shape| (0..27).map(move |lives| (shape, lives))) {
            for order in ORDERS {
                let dropped = Count::default();
                let greenlets = [0, 1, 2].map(|n: u32| {
                    let guard = dropped.guard();
                    let g = Greenlet::new(move |()| {
                        let _guard = guard;
                        to_main(());
                    });
                    let life = LIVES[lives / 3_usize.pow(n) % 3];
                    if life != Life::Pending {
                        go(&g, ());
                    }
                    if life == Life::Dead {
                        go(&g, ());
                    }
                    Some(g)
                });
                let mut handles = greenlets;
                // The second's parent is main or the first; the third's is main, the first or the second.
                let parents = [(1, shape % 2), (2, shape / 2)];
                for (child, parent) in parents.into_iter().filter(|(_, parent)| *parent > 0) {
                    let parent = handles[parent - 1].clone().unwrap();
                    handles[child].as_ref().unwrap().set_parent(&parent).unwrap();
                }
                for at in order {
                    handles[at] = None;
                }
                assert_eq!(dropped.get(), 3, "{shape} {lives} {order:?}");
                assert_eq!((stats().greenlets, stats().stacks), (0, 0), "{shape} {lives} {order:?}");
            }
        }
    });
}

#[test]
fn deep_chains_of_parents() {
    let depth = scaled(100_000);
    let chain = move |end: &Greenlet<usize>| {
        (0..depth).fold(end.clone(), |parent, _| Builder::new().parent(&parent).build(|v: usize| v + 1))
    };
    check(move || {
        let root = Greenlet::new(|v: usize| v);
        // Dropped from the child end, unstarted.
        drop(chain(&root));
        assert_eq!(stats().greenlets, 1);
        // Each starts the next with its result.
        let last = chain(&root);
        assert_eq!(go(&last, 0), depth);
        assert!(last.is_dead() && root.is_dead());
        // A switch to the dead end goes all the way up.
        assert_eq!(go(&last, 5), 5);
        drop(last);
        // Ended all by one error.
        let last = chain(&root);
        assert_eq!(raised::<&str, _>(|| last.throw("down")), "down");
        drop(last);
        assert_eq!(stats().greenlets, 1);
    });
}

/// Each holds the next on its own stack: every kill unwinds the one after it.
#[test]
fn a_long_chain_of_owners() {
    check(|| {
        let ended = Count::default();
        let last = (0..scaled(500)).fold(None, |inner: Option<Greenlet>, _| {
            let guard = ended.guard();
            let g = Greenlet::new(move |()| {
                let _owned = (inner, guard);
                to_main(());
            });
            go(&g, ());
            Some(g)
        });
        drop(last);
        assert_eq!(ended.get(), scaled(500));
    });
}

#[test]
fn stacks_are_pooled_trimmed_and_limited() {
    check(|| {
        let idle = || stats().pooled;
        go(&Greenlet::new(|()| ()), ());
        assert_eq!(idle(), 1);
        assert_eq!((trim(), idle()), (1, 0));
        let keep = set_pool_capacity(0);
        // The stack of one that ended is given back by who receives: here a greenlet, on its own stack.
        let g = Greenlet::new(|()| (0..3).for_each(|_| go(&Greenlet::new(|()| go(&Greenlet::new(|()| ()), ())), ())));
        go(&g, ());
        assert_eq!((idle(), stats().stacks), (0, 0));
        set_pool_capacity(keep);

        let limit = set_max_stacks(1);
        go(&Greenlet::new(|()| ()), ());
        assert_eq!(idle(), 1);
        // An idle stack of another size makes room.
        let big = Builder::new().stack_size(1 << 20).build(|()| ());
        go(&big, ());
        assert_eq!(big.stack_size(), 1 << 20);
        let waiting = suspended_big();
        assert!(matches!(big.cast::<i32>().switch(1), Ok(Received::Value(1))));
        let second = Greenlet::new(|v: String| v);
        let error = second.switch("kept".to_owned()).unwrap_err();
        assert_eq!(error.into_value().as_deref(), Some("kept"));
        drop(waiting);
        assert_eq!(go(&second, "later".to_owned()), "later");
        set_max_stacks(limit);
    });
}

fn suspended_big() -> Greenlet {
    let g = Builder::new().stack_size(1 << 20).build(to_main);
    go(&g, ());
    g
}
