//! Forgeries and hostile folders: each is built, looked at as any entry, and refused with words that say why. What a
//! check cannot find out is here too, with what does.

mod circumstances;
#[path = "../fixture/mod.rs"]
mod fixture;
mod folders;
mod forged;
mod fresh_seeds;
mod records;
mod results;
