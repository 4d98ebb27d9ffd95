//! Drives the built daemon through sockets, files and HTTP, as Asterisk and its users would. One binary, for linking it takes a while.

mod api;
mod bad_input;
mod bed;
mod crash;
mod disk;
mod latency;
mod live;
mod privacy;
mod rooms;
mod score;
