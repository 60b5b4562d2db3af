//! The cooperative budget. Under loom there is none: it belongs to a runtime's thread, not to what threads share.

#[cfg(not(loom))]
pub(crate) use ayi_runtime::task::coop::poll_charged;

#[cfg(loom)]
pub(crate) fn poll_charged<R>(
    cx: &mut std::task::Context<'_>,
    poll: impl FnOnce(&mut std::task::Context<'_>) -> std::task::Poll<R>,
) -> std::task::Poll<R> {
    poll(cx)
}
