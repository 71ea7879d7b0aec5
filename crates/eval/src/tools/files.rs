//! Reading, writing, listing and searching files of the working directory.

use std::path::Path;

use cap_std::fs::Dir;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{
    arguments::{Arguments, optional, required, spec},
    text::{build, clip, glob},
    workspace::{Workspace, failed},
};
use crate::tool::{Tool, ToolError, ToolSpec};

/// How many entries a listing or a search looks at, and how deep a search goes.
const MAX_ENTRIES: usize = 20_000;
const MAX_DEPTH: usize = 32;
/// How many bytes of files a search by content reads in all.
const MAX_SEARCHED_BYTES: usize = 64 << 20;
const MAX_LISTED: usize = 1_000;

/// A tool over the working directory: a description and what it does, which may block.
pub struct FileTool {
    spec: ToolSpec,
    workspace: Workspace,
    act: fn(&Workspace, &Arguments) -> Result<String, ToolError>,
}

impl FileTool {
    pub fn new(
        spec: ToolSpec,
        workspace: &Workspace,
        act: fn(&Workspace, &Arguments) -> Result<String, ToolError>,
    ) -> Self {
        Self { spec, workspace: workspace.clone(), act }
    }
}

#[async_trait::async_trait]
impl Tool for FileTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let arguments = Arguments::new(&self.spec, arguments)?;
        let (workspace, act) = (self.workspace.clone(), self.act);
        let answer = tokio::task::spawn_blocking(move || act(&workspace, &arguments)).await;
        Ok(answer.map_err(|error| ToolError::Failed(error.to_string()))??.into())
    }
}

const PATH: &str = "Path of the file, relative to the working directory";

pub fn read_file(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "read_file",
        "Read the contents of a file from the working directory. Returns the file contents as a string.",
        vec![
            required("file_path", "string", PATH),
            optional("encoding", "string", "'utf-8' (default), 'ascii' or 'latin-1'"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let path = arguments.text("file_path")?;
        let encoding = arguments.choice("encoding", &["utf-8", "utf8", "ascii", "latin-1", "iso-8859-1"])?;
        let bytes = workspace.read(&path)?;
        let size = bytes.len();
        let text = match encoding {
            "latin-1" | "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
            _ => String::from_utf8(bytes)
                .map_err(|_| ToolError::Failed(format!("{path} is not {encoding} text")))?,
        };
        Ok(clip(format!("File: {path}\nSize: {size} bytes\n\n{text}")))
    })
}

pub fn write_file(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "write_file",
        "Write content to a file in the working directory. Can create new files or overwrite existing files. \
         Use with caution as it modifies the filesystem.",
        vec![
            required("file_path", "string", PATH),
            required("content", "string", "Content to write to the file"),
            optional("mode", "string", "Write mode: 'write' (overwrite) or 'append' (default: write)"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let path = arguments.text("file_path")?;
        let content = arguments.text("content")?;
        let (done, size) = match arguments.choice("mode", &["write", "append"])? {
            "append" => ("Appended to", workspace.append(&path, content.as_bytes())?),
            _ => {
                workspace.write(&path, content.as_bytes())?;
                ("Wrote", content.len() as u64)
            }
        };
        Ok(format!(
            "{done} file: {path}\nSize: {size} bytes\nContent length: {} characters",
            content.chars().count()
        ))
    })
}

pub fn list_directory(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "list_directory",
        "List files and directories in a given path. Returns file names, sizes, and types. \
         Useful for exploring project structure and finding files.",
        vec![
            required("directory_path", "string", "Path of the directory, relative to the working directory"),
            optional("pattern", "string", "Optional glob pattern to filter results (e.g., '*.py', '*.json')"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let path = arguments.text("directory_path")?;
        let pattern = arguments.optional_text("pattern")?.map(|pattern| glob(&pattern)).transpose()?;
        let dir = workspace.folder(&path)?;
        let mut entries = Vec::new();
        for entry in dir.entries().map_err(|error| failed(&path, &error))?.take(MAX_ENTRIES).flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if pattern.as_ref().is_none_or(|pattern| pattern.is_match(&name)) {
                entries.push((name, entry.metadata().ok()));
            }
        }
        entries.sort_by_cached_key(|(name, metadata)| {
            (!metadata.as_ref().is_some_and(|metadata| metadata.is_dir()), name.to_lowercase(), name.clone())
        });
        let mut lines = vec![format!("Directory: {path}"), format!("Total items: {}\n", entries.len())];
        lines.extend(entries.iter().take(MAX_LISTED).map(|(name, metadata)| match metadata {
            Some(metadata) if metadata.is_dir() => format!("[DIR]  {name}/"),
            Some(metadata) if metadata.is_symlink() => format!("[LINK] {name}"),
            Some(metadata) => format!("[FILE] {name} ({} bytes)", metadata.len()),
            None => format!("[?]    {name}"),
        }));
        if entries.len() > MAX_LISTED {
            lines.push(format!("... {} more", entries.len() - MAX_LISTED));
        }
        Ok(lines.join("\n"))
    })
}

pub fn search_files(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "search_files",
        "Search for files by name pattern or content within a directory. Supports glob patterns for filename search \
         and text search for content. Returns list of matching file paths.",
        vec![
            required("directory", "string", "Directory to search in, relative to the working directory"),
            required("pattern", "string", "Filename glob like '*.py', or text to search in files"),
            optional(
                "search_type",
                "string",
                "'name' (filename) or 'content' (file contents). Default: name",
            ),
            optional("max_results", "integer", "Maximum number of results to return (default: 100)"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let directory = arguments.text("directory")?;
        let pattern = arguments.text("pattern")?;
        let by = arguments.choice("search_type", &["name", "content"])?;
        let limit = arguments.integer("max_results", 100, 1..=1_000)?;
        let limit = usize::try_from(limit).unwrap_or(100);
        let wanted = match by {
            "name" => glob(&pattern)?,
            _ => build(RegexBuilder::new(&regex::escape(&pattern)).case_insensitive(true))?,
        };
        let mut search = Search {
            workspace,
            wanted,
            by_content: by == "content",
            limit,
            found: Vec::new(),
            entries_left: MAX_ENTRIES,
            bytes_left: MAX_SEARCHED_BYTES,
            is_cut: false,
        };
        search.walk(&workspace.folder(&directory)?, Path::new(&directory), 0);
        let Search { mut found, is_cut, .. } = search;
        found.sort();
        let cut = if is_cut { "\n[the search was cut: too many files]" } else { "" };
        Ok(match found.len() {
            0 => format!("No files found matching {pattern:?} in {directory}{cut}"),
            count => clip(format!(
                "Found {count} files matching {pattern:?} in {directory}:\n{}{cut}",
                found.join("\n")
            )),
        })
    })
}

struct Search<'a> {
    workspace: &'a Workspace,
    wanted: Regex,
    by_content: bool,
    limit: usize,
    found: Vec<String>,
    entries_left: usize,
    bytes_left: usize,
    is_cut: bool,
}

impl Search<'_> {
    /// Folders are opened from the one above, and links are not followed: no name is resolved twice.
    fn walk(&mut self, dir: &Dir, path: &Path, depth: usize) {
        let Ok(entries) = dir.entries() else { return };
        for entry in entries.flatten() {
            if self.found.len() >= self.limit {
                return;
            }
            if self.entries_left == 0 || depth > MAX_DEPTH {
                self.is_cut = true;
                return;
            }
            self.entries_left -= 1;
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            let shown = path.join(&name);
            if kind.is_dir() {
                if let Ok(below) = entry.open_dir() {
                    self.walk(&below, &shown, depth + 1);
                }
            } else if kind.is_file() && self.matches(dir, Path::new(&name)) {
                self.found.push(shown.strip_prefix(".").unwrap_or(&shown).display().to_string());
            }
        }
    }

    fn matches(&mut self, dir: &Dir, name: &Path) -> bool {
        if !self.by_content {
            return self.wanted.is_match(&name.to_string_lossy());
        }
        if self.bytes_left == 0 {
            self.is_cut = true;
            return false;
        }
        let Ok(bytes) = self.workspace.read_in(dir, name, &name.to_string_lossy()) else { return false };
        self.bytes_left = self.bytes_left.saturating_sub(bytes.len());
        // A zero byte: no text.
        !bytes.contains(&0) && self.wanted.is_match(&String::from_utf8_lossy(&bytes))
    }
}
