//! The vault from outside: what a checkpoint and the command line see of it.

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests read the files they made, whole")]
mod main {
    mod crash;
    mod holds;
    mod keys;
    mod no_plain_phi;
    mod shredding;
    mod subjects;
    pub(crate) mod support;
    mod tokens;
}
