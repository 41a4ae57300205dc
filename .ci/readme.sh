# To be sourced at the root of the repository or of an sdist.

# The fenced block that follows the marker `<!-- $1 -->` in the README.
readme_command() { sed -n "/<!-- $1 -->/,/^\`\`\`\$/p" README.md | sed '1,2d;$d'; }
