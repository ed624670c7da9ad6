//! `llm-gateway` on real Redis and MongoDB servers: what holds over outages, signals and broken settings.

mod admin;
mod applied;
mod config;
mod doors;
mod imported;
mod limits;
mod process;
mod sealed;
mod seed;
mod service;
mod stores;
