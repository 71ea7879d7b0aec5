//! Requests as clients send them, and as nobody should.

mod bounds;
mod hostile;
mod same;
mod support;
