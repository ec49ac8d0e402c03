//! The policy room's tests against real policies.

#[cfg(test)]
mod main {
    mod bad;
    mod cache;
    mod check;
    mod defaults;
    mod explain;
    pub(crate) mod make;
    mod reference;
}
