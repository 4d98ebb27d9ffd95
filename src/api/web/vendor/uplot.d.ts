export { default } from 'uplot'; // its own types, for the check of the pages
