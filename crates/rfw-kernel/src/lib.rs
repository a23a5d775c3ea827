//! Netlink transport: batches, acknowledgements, dumps; a live kernel and a fake one.
