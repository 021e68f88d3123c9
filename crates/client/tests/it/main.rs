//! The client against a scripted account, with time and chance under control; sockets only where the socket is the point.

mod account;
mod addresses;
mod answers;
mod base_url;
mod bodies;
mod connection_test;
mod http_transport;
mod outage;
mod pace;
mod rules;
mod slow_down;
mod sockets;
