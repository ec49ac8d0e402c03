//! The proxies, asked as clients ask them, before servers that behave and servers that do not.

#[cfg(test)]
mod main {
    mod client;
}
