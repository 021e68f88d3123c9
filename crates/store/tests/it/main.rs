//! All stores run one suite; what only a file or a server can get wrong is tested beside it.

mod activity;
mod audience;
mod clock;
mod conformance;
mod jobs;
mod memory;
mod people;
mod postgres;
mod sqlite;
