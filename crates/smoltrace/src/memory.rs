//! The allocator of this program.
//!
//! A server's rows are allocated on one thread and freed on another. glibc's allocator keeps most of what is freed that way: a
//! server under load held four times what was in use. jemalloc gives it back within seconds.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// jemalloc reads its options here: few arenas, and what is free given back after two seconds, large pieces no sooner: the
/// next group of appends would have to ask for it again. Huge pages, where the system has them: a group is megabytes, and a
/// twentieth of the time went to asking for its pages one by one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
// SAFETY: the symbol is the allocator's own name for its options: a pointer to a C string, read only.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &[u8; 79] =
    b"narenas:4,oversize_threshold:0,dirty_decay_ms:2000,muzzy_decay_ms:0,thp:always\0";
