//! People of the played account in the hub's store, held against what the account itself holds.

mod changes;
mod everybody;
mod odd;
mod oracle;
mod rig;
mod selections;
