//! The client's database, from outside.

#![cfg(test)]

mod at_rest;
mod crash;
mod keys;
mod opening;
mod rows;
mod steps;
mod support;
