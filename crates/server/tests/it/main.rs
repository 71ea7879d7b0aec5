//! The server over a real store, asked over HTTP.

mod answers;
mod caching;
mod errors;
mod listener;
mod numbers;
mod openapi;
mod pages;
mod report;
mod support;
