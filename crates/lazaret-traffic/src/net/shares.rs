//! What one address may have of places that many wait for: a quarter. Addresses of this machine may have all, since a reverse
//! proxy on it speaks for many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Places, and who has how many of them.
#[derive(Debug)]
pub(crate) struct Shares {
    /// Most that one address may have.
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place of an address; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    address: Option<IpAddr>,
}

impl Shares {
    /// Of so many places in all.
    pub(crate) fn of(places: usize) -> Arc<Self> {
        Arc::new(Self { most: places.div_ceil(4), taken: Mutex::default() })
    }

    /// A place for an address, if it has not its share already. Who asks from nowhere that is known has none to be held to.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Share> {
        let address = address.map(|address| address.to_canonical()).filter(|address| !address.is_loopback());
        if let Some(address) = address {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let own = taken.entry(address).or_insert(0);
            if *own >= self.most {
                return None;
            }
            *own = own.saturating_add(1);
        }
        Some(Share { of: Arc::clone(self), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_quarter_and_this_machine_all() {
        let shares = Shares::of(8);
        let one: IpAddr = "10.1.2.3".parse().unwrap();
        let same: IpAddr = "::ffff:10.1.2.3".parse().unwrap();
        let first = shares.take(Some(one)).unwrap();
        let _second = shares.take(Some(same)).unwrap();
        assert!(shares.take(Some(one)).is_none());
        let _other = shares.take(Some("10.1.2.4".parse().unwrap())).unwrap();
        drop(first);
        let _again = shares.take(Some(one)).unwrap();
        let here = || shares.take(Some("127.0.0.1".parse().unwrap()));
        let all: Vec<_> = (0..8).map(|_| here().unwrap()).collect();
        assert_eq!((all.len(), shares.taken.lock().unwrap().len()), (8, 2));
    }
}
