/**
 * What the package carries as it stands: what its README links to, and the licence. A test follows every link.
 */
export const carried: readonly string[] = ['README.md', 'LICENSE', 'docs/**/*.md']
