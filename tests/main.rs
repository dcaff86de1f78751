//! Everything end to end: one program, so that it is compiled and linked once. Each module plays on the `stage`.

mod adverse;
mod canary;
mod carbon;
mod contents;
mod crash;
mod graph;
mod malformed;
mod oidc;
mod processes;
mod programs;
mod security;
mod seventeen;
mod shapes;
mod source_oauth;
mod stage;
mod sync;
mod tidy;
mod upgrade;
mod versori;
