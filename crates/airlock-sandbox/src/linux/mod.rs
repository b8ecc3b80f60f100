//! The box and the lite sandbox, on Linux.
