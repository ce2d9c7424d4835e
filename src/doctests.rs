//! The listings of the README and of the pages in `docs/`, as tests.

macro_rules! pages {
    ($($name:ident: $path:literal)*) => {
        $(
            #[doc = include_str!($path)]
            mod $name {}
        )*
    };
}

pages! {
    r#async: "../docs/async.md"
    cancellation: "../docs/cancellation.md"
    readme: "../README.md"
    actors: "../docs/actors.md"
    from_go: "../docs/from-go.md"
    from_greenlet: "../docs/from-greenlet.md"
    from_stackless: "../docs/from-stackless.md"
    inspecting: "../docs/INSPECTING.md"
    net: "../docs/net.md"
    scopes: "../docs/scopes.md"
    servers: "../docs/servers.md"
    threads: "../docs/threads.md"
}
