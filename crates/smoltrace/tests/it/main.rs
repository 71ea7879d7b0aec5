//! The binary as its users run it: real files in, exit codes, tables and JSON out.

mod bad_input;
mod boundaries;
mod bundle;
mod commands;
mod compare;
mod disk;
mod eval;
mod eval_hub;
mod kill;
mod power;
mod receive;
mod support;
mod vectors;
