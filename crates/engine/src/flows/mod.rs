//! What Tieline does: connect, keep alive, tell whose account it is, disconnect.

pub mod check;
pub mod connect;
pub mod contents;
pub mod disconnect;
pub mod discover;
pub mod elsewhere;
pub mod embedded;
pub mod exchange;
pub mod finish;
pub mod identity;
pub mod keep_alive;
pub mod listen;
pub mod oauth1;
pub mod pair;
pub mod prove;
pub mod publish;
pub mod push;
pub mod sync;
pub mod token;
pub mod waiting;
