//! The one folder that file tools may see.
//!
//! Every path is resolved by `cap-std` from an open handle of the folder, step by step in the kernel where it can:
//! `..`, absolute paths and links cannot lead out of it, whatever is renamed meanwhile. Beyond that, only regular
//! files with a single name are opened: a hard link may be another name of a file outside, a pipe never ends, a device
//! is no file.

use std::{
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File, Metadata, OpenOptions},
};

use crate::tool::ToolError;

/// The largest file that is read or written.
pub const MAX_FILE_BYTES: u64 = 10 << 20;
const TEMPORARY_NAME: &str = ".smoltrace-write";

/// A folder that was opened once. Clones share it.
#[derive(Clone)]
pub struct Workspace {
    dir: Arc<Dir>,
    /// Where it was, so that absolute paths into it are understood. Nothing is opened by it.
    root: Arc<PathBuf>,
}

impl Workspace {
    /// Opens a folder. What it is renamed to later does not matter.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = path.canonicalize()?;
        Ok(Self { dir: Arc::new(Dir::open_ambient_dir(&root, ambient_authority())?), root: Arc::new(root) })
    }

    /// A path as given by a model, relative to the folder.
    pub fn relative(&self, path: &str) -> Result<PathBuf, ToolError> {
        if path.is_empty() || path.contains('\0') {
            return Err(ToolError::Arguments(format!("{path:?} is not a path")));
        }
        let path = Path::new(path);
        let inside = if path.is_absolute() {
            path.strip_prefix(&*self.root).map_err(|_| outside(path))?
        } else {
            path
        };
        if inside.components().any(|part| matches!(part, Component::Prefix(_) | Component::RootDir)) {
            return Err(outside(path));
        }
        Ok(if inside.as_os_str().is_empty() { PathBuf::from(".") } else { inside.to_path_buf() })
    }

    /// The contents of a file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ToolError> {
        let relative = self.relative(path)?;
        self.read_in(&self.dir, &relative, path)
    }

    /// The contents of a file of an open folder; `shown` is its name in errors.
    pub fn read_in(&self, dir: &Dir, relative: &Path, shown: &str) -> Result<Vec<u8>, ToolError> {
        let mut options = OpenOptions::new();
        options.read(true);
        let file = open(dir, relative, &mut options, shown)?;
        let mut bytes = Vec::new();
        // What a file's size says may be over before it is read.
        let read =
            file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(shown, &error))?;
        if read as u64 > MAX_FILE_BYTES {
            return Err(too_large(shown));
        }
        Ok(bytes)
    }

    /// The text of a file. Bytes that are not UTF-8 are replaced.
    pub fn read_text(&self, path: &str) -> Result<String, ToolError> {
        Ok(String::from_utf8(self.read(path)?)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into()))
    }

    /// Puts a file in the place of what has the name now, all or nothing. Folders on the way are made.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<(), ToolError> {
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large(path));
        }
        let (parent, name) = self.parent_of(path)?;
        match parent.symlink_metadata(&name) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(ToolError::Arguments(format!("{path} is a folder")));
            }
            Ok(metadata) => check_regular(&metadata, path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(path, &error)),
        }
        // Another file takes the name: what else the old one is called is not touched, nor where a link leads.
        let temporary = format!("{TEMPORARY_NAME}-{}", uuid::Uuid::new_v4().simple());
        let written = (|| {
            let mut file = parent.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
            file.write_all(content)?;
            parent.rename(&temporary, &parent, &name)
        })();
        written.map_err(|error| {
            let _ = parent.remove_file(&temporary);
            failed(path, &error)
        })
    }

    /// Adds to the end of a file, which is made if it is not there. Gives its size then.
    pub fn append(&self, path: &str, content: &[u8]) -> Result<u64, ToolError> {
        let (parent, name) = self.parent_of(path)?;
        if let Ok(metadata) = parent.symlink_metadata(&name) {
            check_regular(&metadata, path)?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        let mut file = open(&parent, Path::new(&name), &mut options, path)?;
        let size = file.metadata().map_err(|error| failed(path, &error))?.len();
        if size + content.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large(path));
        }
        file.write_all(content).map_err(|error| failed(path, &error))?;
        Ok(size + content.len() as u64)
    }

    /// An open folder of the workspace.
    pub fn folder(&self, path: &str) -> Result<Dir, ToolError> {
        let relative = self.relative(path)?;
        self.dir.open_dir(relative).map_err(|error| failed(path, &error))
    }

    fn parent_of(&self, path: &str) -> Result<(Dir, PathBuf), ToolError> {
        let relative = self.relative(path)?;
        let Some(name) = relative.file_name().map(PathBuf::from) else {
            return Err(ToolError::Arguments(format!("{path} is not the name of a file")));
        };
        let parent =
            relative.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let opened = match self.dir.open_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.create_dir_all(parent).and_then(|()| self.dir.open_dir(parent))
            }
            opened => opened,
        };
        Ok((opened.map_err(|error| failed(path, &error))?, name))
    }
}

/// Opens a regular file; never waits for one that is something else.
fn open(dir: &Dir, relative: &Path, options: &mut OpenOptions, shown: &str) -> Result<File, ToolError> {
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt;
        options.custom_flags((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits() as i32);
    }
    let file = dir.open_with(relative, options).map_err(|error| failed(shown, &error))?;
    let metadata = file.metadata().map_err(|error| failed(shown, &error))?;
    if metadata.is_dir() {
        return Err(ToolError::Arguments(format!("{shown} is a folder")));
    }
    check_regular(&metadata, shown)?;
    Ok(file)
}

fn check_regular(metadata: &Metadata, shown: &str) -> Result<(), ToolError> {
    // Of a link in the place of a file, only the name is to be replaced.
    if metadata.is_symlink() {
        return Err(ToolError::Refused(format!(
            "{shown} is a link; write to what it leads to by its own name"
        )));
    }
    if !metadata.is_file() {
        return Err(ToolError::Refused(format!("{shown} is not a regular file")));
    }
    #[cfg(unix)]
    if cap_std::fs::MetadataExt::nlink(metadata) > 1 {
        let why = "which may be outside of the working directory";
        return Err(ToolError::Refused(format!("{shown} is a hard link: the file has other names, {why}")));
    }
    Ok(())
}

fn outside(path: &Path) -> ToolError {
    ToolError::Refused(format!("{} is outside of the working directory", path.display()))
}

fn too_large(shown: &str) -> ToolError {
    ToolError::Failed(format!("{shown} is larger than {} MiB", MAX_FILE_BYTES >> 20))
}

/// A failure in words. What `cap-std` does not let through is a refusal.
pub fn failed(shown: &str, error: &io::Error) -> ToolError {
    match error.kind() {
        io::ErrorKind::NotFound => ToolError::Failed(format!("{shown} does not exist")),
        io::ErrorKind::NotADirectory => ToolError::Failed(format!("{shown} is not a folder")),
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => outside(Path::new(shown)),
        io::ErrorKind::PermissionDenied => {
            ToolError::Failed(format!("{shown}: permission denied by the system"))
        }
        _ => ToolError::Failed(format!("{shown}: {error}")),
    }
}
