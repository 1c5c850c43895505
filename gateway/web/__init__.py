"""The pages of operators and phones: their files, and who is signed in to the console."""
