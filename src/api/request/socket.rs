//! WebSockets with small buffers.

use axum::extract::WebSocketUpgrade;

/// A WebSocket that holds no more memory than what is said on it needs: clients send a line at a time.
pub(in crate::api) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_frame_size(4096)
        .max_message_size(4096)
        .read_buffer_size(4096)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(4 << 20)
}
