//! `llm-gateway` on real Redis and MongoDB servers: what holds over outages, signals and broken settings.

mod admin;
mod config;
mod doors;
mod limits;
mod process;
mod seed;
mod service;
mod stores;
