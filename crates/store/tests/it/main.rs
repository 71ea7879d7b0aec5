//! The store against a real file system: what is acknowledged stays, what is repeated changes
//! nothing, and what is damaged is named.

mod append;
mod child;
mod crowd;
mod damage;
mod disk;
mod maintain;
mod processes;
mod rows;
mod sql;
