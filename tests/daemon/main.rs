//! Drives the built daemon through sockets, files and HTTP, as Asterisk and its users would. One binary, for linking it takes a while.

mod alerts;
mod ami;
mod api;
mod asked;
mod attack;
mod bad_input;
mod bed;
mod capture;
mod contract;
mod dashboards;
mod desk;
mod encryption;
mod language;
mod latency;
mod live;
mod metrics;
mod notify;
mod page;
mod privacy;
mod realtime;
mod rooms;
mod score;
mod the_box;
mod viewers;
mod walls;
mod words;
