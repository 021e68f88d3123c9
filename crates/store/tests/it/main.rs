//! Both stores run one suite; what only a file can get wrong is tested beside it.

mod audience;
mod conformance;
mod memory;
mod sqlite;
