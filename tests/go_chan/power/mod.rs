//! Power series that are computed on demand: test/chan/powser1.go, test/chan/powser2.go.
//!
//! A series is an endless run of coefficients, made by a tasklet, one for each demand. What is computed from series is a tasklet that
//! demands from theirs. A series that ends is zero from there on. Who needs no more of one drops it; its tasklet notices at the next
//! demand, which does not come, and drops what it demanded from.

mod checks;
mod rational;
mod series;
mod stream;
